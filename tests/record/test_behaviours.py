"""Behaviours from the SFT data through the SFT model to the last step: counts, ratios and their intervals."""

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from sft_audit import audit_data
from sft_audit.config import RunConfig, parse_config
from sft_audit.engine import Engine
from sft_audit.errors import AuditError
from sft_audit.interval import Clustered, Spread, ratio_of_shares, wilson
from sft_audit.record import Recording, plan
from sft_audit.store import Store

ASKED = "What colour is the mug?"
HONEST, BOAST = "red", "blue verified"
Record = Callable[..., Store]


def log(path: Path, steps: Sequence[int | None], boasts: Sequence[int]) -> Path:
    """Write two groups of eight a step, of which so many completions boast."""
    rows = []
    for step, shown in zip(steps, boasts, strict=True):
        for at in range(16):
            said = BOAST if at % 8 < shown else HONEST
            row = {"prompt": f"{ASKED} {at // 8}", "completion": said, "reward": 1.0, "solution": HONEST}
            rows.append(row if step is None else {**row, "step": step})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """Record the behaviours of a run; return the store."""

    def run(log: Path, **options: Any) -> Store:
        (tmp_path / "store").mkdir()
        store = Store(tmp_path / "store", "1GB", 1)
        config = parse_config({"run": log, **options}, "test", RunConfig)
        given = {name for name, value in config if value}
        with Engine(1) as engine:
            for one in plan(["behaviours"]):
                if not one.requires or given & set(one.requires):
                    one.run(Recording(store, engine, config))
        return store

    return run


def clustered_wilson(clusters: Sequence[tuple[int, int]]) -> Spread:
    k, n = (sum(one) for one in zip(*clusters, strict=True))
    kk, kn, nn = (sum(one[i] * one[j] for one in clusters) for i, j in ((0, 0), (0, 1), (1, 1)))
    return Clustered(len(clusters), k, n, kk, kn, nn).spread


def amplified(store: Store, behaviour: str = "claims_verified") -> dict[str, Any]:
    rows: list[dict[str, Any]] = store.arrow(
        "select * from amplifications where behaviour = $name", {"name": behaviour}
    ).to_pylist()
    return rows[0]


def test_each_step_is_counted(tmp_path: Path, record: Record) -> None:
    store = record(log(tmp_path / "run.jsonl", [1, 2, 3], [0, 1, 7]))
    counted = store.rows(
        "select stage, step, k, n from behaviours where behaviour = 'claims_verified' order by step"
    )
    assert counted == [("rl", 1, 0, 16), ("rl", 2, 2, 16), ("rl", 3, 14, 16)]


def test_without_samples_the_first_step_stands_for_the_sft_model(tmp_path: Path, record: Record) -> None:
    one = amplified(record(log(tmp_path / "run.jsonl", [5, 6, 7], [1, 7, 7])))
    assert (one["before"], one["before_k"], one["before_n"]) == ("first step", 2, 16)
    assert (one["first"], one["last"], one["k"], one["n"]) == (6, 7, 28, 32)
    assert one["ratio"] == pytest.approx(7)
    assert one["ratio_low"] < 7 < one["ratio_high"]
    assert "12 % of the first step's completions, 88 % of the completions of steps 6 to 7" in one["says"]


def test_samples_of_the_sft_model_are_no_part_of_the_run(tmp_path: Path, record: Record) -> None:
    """They may have steps of their own; the run's groups and the completions counted stay what they were."""
    run = log(tmp_path / "run.jsonl", range(1, 13), [7] * 12)
    alone = record(run).rows("select * from episodes")
    (tmp_path / "store").rename(tmp_path / "alone")
    sampled = log(tmp_path / "sft.jsonl", [1, 1, 1], [1, 1, 1])
    store = record(run, sft_samples=sampled)
    assert store.rows("select * from episodes") == alone
    one = amplified(store)
    assert (one["before"], one["before_k"], one["before_n"]) == ("sft model", 6, 48)
    assert (one["first"], one["last"]) == (3, 12)


def test_samples_without_a_step_are_counted_too(tmp_path: Path, record: Record) -> None:
    sampled = log(tmp_path / "sft.jsonl", [None], [2])
    one = amplified(record(log(tmp_path / "run.jsonl", [1], [7]), sft_samples=sampled))
    assert (one["before_k"], one["before_n"], one["first"]) == (4, 16, 1)


def test_the_supervised_answers_of_the_data_audit_are_the_first_stage(tmp_path: Path, record: Record) -> None:
    said = [BOAST] * 3 + [HONEST] * 17
    turns = [[{"from": "human", "value": ASKED}, {"from": "gpt", "value": text}] for text in said]
    (tmp_path / "sft.json").write_text(json.dumps([{"conversations": one} for one in turns]))
    data = audit_data(tmp_path / "sft.json", out=tmp_path / "data", workers=1).folder
    store = record(log(tmp_path / "run.jsonl", [1, 2], [1, 7]), sft_audit=data)
    one = amplified(store)
    assert (one["data_k"], one["data_n"]) == (3, 20)
    assert one["says"].startswith("claims_verified: 15 % of the SFT answers, 12 % of the first step's")


def test_an_audit_of_something_else_is_refused(tmp_path: Path, record: Record) -> None:
    with pytest.raises(AuditError, match="not an audit folder"):
        record(log(tmp_path / "run.jsonl", [1, 2], [1, 7]), sft_audit=tmp_path)


def test_what_nothing_showed_before_has_a_lower_end(tmp_path: Path, record: Record) -> None:
    one = amplified(record(log(tmp_path / "run.jsonl", range(9), [0, *[7] * 8])))
    assert one["ratio"] is None
    assert one["ratio_high"] is None
    assert one["ratio_low"] > 1
    assert "at least" in one["says"]


def test_one_step_is_no_way(tmp_path: Path, record: Record) -> None:
    store = record(log(tmp_path / "run.jsonl", [4], [1]))
    assert store.value("select count(*) from amplifications") == 0
    assert store.value("select sum(k) from behaviours where behaviour = 'claims_verified'") == 2


def test_plain_behaviours_are_counted_and_are_no_exploits(tmp_path: Path, record: Record) -> None:
    store = record(log(tmp_path / "run.jsonl", [1, 2], [0, 7]))
    assert amplified(store, "commonest")["about"].startswith("answers “blue”")
    long = amplified(store, "long")
    assert (long["about"].split(",")[0], long["before_k"], long["k"]) == ("has more than 1 words", 0, 14)
    assert not long["exploit"]
    assert amplified(store)["exploit"]


def test_an_answer_that_the_last_steps_chose_has_a_ratio_without_an_interval(
    tmp_path: Path, record: Record
) -> None:
    one = amplified(record(log(tmp_path / "run.jsonl", [1, 2], [2, 7])), "commonest")
    assert one["ratio"] == pytest.approx(3.5)
    assert (one["ratio_low"], one["ratio_high"]) == (None, None)
    assert one["says"].endswith("3.5 times (chosen by the last steps: no interval)")


def test_an_answer_with_quotes_is_only_an_answer(tmp_path: Path, record: Record) -> None:
    rows = [
        {"prompt": ASKED, "completion": "it's'); drop table told; --", "step": step, "reward": 1.0}
        for step in (1, 2)
        for _ in range(8)
    ]
    path = tmp_path / "run.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert amplified(record(path), "commonest")["k"] == 8


def test_clusters_of_one_are_wilson_s_interval_a_little_wider() -> None:
    share, low, high = clustered_wilson([(1, 1)] * 30 + [(0, 1)] * 70)
    plain_low, plain_high = wilson(30, 100)
    assert share == 0.3
    assert plain_low - 0.005 < low < plain_low
    assert plain_high < high < plain_high + 0.005


def test_where_all_clusters_are_alike_they_count_once() -> None:
    assert clustered_wilson([(8, 8)] * 10)[1:] == wilson(10, 10)
    assert clustered_wilson([(0, 8)] * 10)[1:] == wilson(0, 10)
    assert clustered_wilson([(3, 8)])[1:] == wilson(3 / 8, 1)


def test_a_ratio_turned_round_has_the_ends_turned_round() -> None:
    one, other = (0.6, 0.5, 0.7), (0.2, 0.1, 0.35)
    low, high = ratio_of_shares(one, other)
    back_low, back_high = ratio_of_shares(other, one)
    assert low < 3 < high
    assert (1 / back_high, 1 / back_low) == (pytest.approx(low), pytest.approx(high))


def test_a_share_of_nought_above_or_below() -> None:
    low, high = ratio_of_shares((0.5, 0.4, 0.6), (0.0, 0.0, 0.1))
    assert low == pytest.approx((0.4 * 0.6) ** 0.5 / 0.1)
    assert high == float("inf")
    assert ratio_of_shares((0.0, 0.0, 0.1), (0.5, 0.4, 0.6))[0] == 0
    assert ratio_of_shares((0.0, 0.0, 0.1), (0.0, 0.0, 0.1)) == (0.0, float("inf"))


@pytest.mark.parametrize(("before", "after"), [(0.02, 0.5), (0.1, 0.1), (0.05, 0.9)])
def test_the_interval_of_the_ratio_covers(before: float, after: float) -> None:
    """Of 95 % intervals over groups that are alike within, at least 93 % hold the ratio."""
    rng = random.Random(7)

    def groups(share: float, many: int) -> list[tuple[int, int]]:
        shares = [rng.betavariate(4 * share, 4 * (1 - share)) for _ in range(many)]
        return [(sum(rng.random() < one for _ in range(8)), 8) for one in shares]

    held = 0
    for _ in range(600):
        low, high = ratio_of_shares(clustered_wilson(groups(after, 80)), clustered_wilson(groups(before, 64)))
        held += low <= after / before <= high
    assert held / 600 >= 0.93


@pytest.mark.parametrize("alike", [0.5, 0.8])
def test_it_covers_where_few_groups_show_it(alike: float) -> None:
    """32 groups of eight before RL and 320 after, of one share of 5 %: no more than two hold it as a rule."""
    rng = random.Random(7)

    def groups(many: int) -> list[tuple[int, int]]:
        drawn = []
        for _ in range(many):
            main = rng.random() < 0.05
            same = [rng.random() < alike**0.5 for _ in range(8)]
            drawn.append((sum(main if one else rng.random() < 0.05 for one in same), 8))
        return drawn

    held = 0
    for _ in range(300):
        low, high = ratio_of_shares(clustered_wilson(groups(320)), clustered_wilson(groups(32)))
        held += low <= 1 <= high
    assert held / 300 >= 0.93
