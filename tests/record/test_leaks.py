"""A leak is found however much else is tested."""

from dataclasses import replace

import numpy as np

from sft_audit.record.leaks import Effect, field_rows


def effect(field: str, kind: str, bits: np.ndarray, sources: np.ndarray) -> Effect:
    return Effect(kind, field, bits, bits, np.arange(len(bits)), sources, "")


def noise(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.3, n)


def test_one_leak_among_all_the_fields_of_six_answer_kinds() -> None:
    one = np.full(300, "one")
    effects = [
        effect(f"field {n}", f"{kind}", (n == kind == 0) + noise(300, 19 * kind + n), one)
        for kind in range(6)
        for n in range(19)
    ]
    # Removed, the leak is made up for by its copy: there is one test of 228 that finds it.
    effects[0] = replace(effects[0], removed=np.zeros(300))
    rows = field_rows(effects).to_pylist()
    assert [(row["field"], row["answer_kind"]) for row in rows if row["q_added"] < 0.05] == [("field 0", "0")]
    assert min(row["q_removed"] for row in rows) > 0.05


def test_one_leak_among_a_hundred_sources() -> None:
    sources = np.repeat([f"part {n:03}" for n in range(100)], 200)
    bits = noise(len(sources), 0) + 0.5 * (sources == "part 042")
    rows = field_rows([effect("file name", "colour", bits, sources)]).to_pylist()
    assert len(rows) == 101
    assert [row["source"] for row in rows if row["q_added"] < 0.05] == [None, "part 042"]
