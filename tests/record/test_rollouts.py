"""Rollouts: what was logged is in the table, joined to its prompt, and what cannot be is said."""

import json
import logging
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from sft_audit.config import PromptsConfig, RewardConfig, parse_config
from sft_audit.engine import Engine
from sft_audit.errors import AuditError
from sft_audit.record import Recording, plan
from sft_audit.store import Store

PROMPTS = [
    {"id": "a", "image": "kitchen.jpg", "problem": "<image>\nIs there a dog?", "solution": "yes"},
    {"id": "b", "image": "street.jpg", "problem": "<image>\nIs there a dog?", "solution": "no"},
    {"id": "c", "image": "street.jpg", "problem": "<image>\nHow many cars are there?", "solution": "3"},
    {"id": "d", "image": "kitchen.jpg", "problem": "<image>\nHow many cars are there?", "solution": "3"},
    {
        "id": "e",
        "image": "kitchen.jpg",
        "problem": "<image>\nHow many cars are there in all?",
        "solution": "4",
    },
]
Record = Callable[..., Store]


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """Record logs (rows, or lines as they stand) against the prompts; return the store."""

    def run(rows: list[dict | str], blind: list[dict] | None = None, prompts: list[dict] = PROMPTS) -> Store:
        (tmp_path / "prompts.json").write_text(json.dumps(prompts))
        flags: dict[str, object] = {
            "data": tmp_path / "prompts.json",
            "samples": write(tmp_path / "log.jsonl", rows),
        }
        if blind:
            flags["blind_samples"] = write(tmp_path / "blind.jsonl", blind)
        store = Store(tmp_path, "1GB", 1)
        with Engine(1) as engine:
            for one in plan(["rollouts"]):
                one.run(Recording(store, engine, parse_config(flags, "test", PromptsConfig)))
        return store

    return run


def write(path: Path, rows: list[dict | str]) -> Path:
    path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in rows))
    return path


def joined(store: Store) -> list[str | None]:
    rows = store.rows(
        "select id, sample_id from rollouts left join samples using (sample_id) order by rollout"
    )
    return [name for name, _ in rows]


DOG, CARS, ALL = "Is there a dog?", "How many cars are there?", "How many cars are there in all?"
SAID = {"completion": "so", "reward": 1.0}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"id": "d", "prompt": "in other words"}, "d"),
        ({"id": "d"}, "d"),
        ({"prompt": DOG, "gold": "Yes."}, "a"),
        ({"prompt": DOG, "gold": "no"}, "b"),
        ({"prompt": f"<image>{DOG.upper()}"}, None),
        ({"prompt": CARS, "gold": "3"}, None),
        ({"prompt": CARS, "image": "kitchen.jpg"}, "d"),
        ({"prompt": CARS, "image": "kitchen.jpg", "gold": "three"}, "d"),
        ({"prompt": ALL}, "e"),
        ({"prompt": f"<|im_start|>user\n<|vision_start|><|vision_end|>{ALL}<|im_end|>"}, "e"),
        ({"prompt": f"system\nYou see.\nuser\n{ALL} Think first.\nassistant\n"}, "e"),
        ({"prompt": "How many cats are there in all?"}, None),
        ({"prompt": [{"role": "user", "content": ALL}]}, "e"),
        ({"doc_id": 3, "input": CARS, "target": "3", "filtered_resps": "3"}, "d"),
        ({"doc_id": 4, "input": CARS, "target": "3", "filtered_resps": "3"}, None),
    ],
    ids=str,
)
def test_a_rollout_finds_its_prompt(record: Record, row: dict, expected: str | None) -> None:
    store = record([{**SAID, **row}, {**SAID, "id": "a"}])
    assert joined(store) == [expected, "a"]
    store.close()


def test_rows_that_repeat_each_other_are_one_prompt_the_first(record: Record) -> None:
    twice = [PROMPTS[0], {**PROMPTS[0], "id": "again"}]
    store = record([{**SAID, "prompt": DOG}], prompts=twice)
    assert joined(store) == ["a"]
    store.close()


def test_what_is_logged_is_kept_as_it_is(record: Record) -> None:
    store = record(
        [{"input": f"user\n{ALL}", "output": "4 <b>", "gts": "4", "score": 0.5, "step": 3}],
        blind=[{"id": "a", "completions": ["yes", "no"], "rewards": [True, False]}],
    )
    assert store.rows("select * exclude (sample_id) from rollouts order by rollout") == [
        (0, "log.jsonl", 1, 3, "image", f"user\n{ALL}", "4 <b>", "4", 0.5, 1, 0),
        (1, "blind.jsonl", 1, None, "none", "", "yes", None, 1.0, 1, None),
        (2, "blind.jsonl", 1, None, "none", "", "no", None, 0.0, 1, None),
    ]
    assert not store.rows("select * from rollout_faults")
    store.close()


def test_what_cannot_be_read_or_joined_is_counted_and_said(
    record: Record, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        store = record(
            [
                {**SAID, "id": "a"},
                {"id": "b", "completion": "so", "reward": float("nan")},
                {**SAID, "prompt": "Who?"},
                {**SAID, "prompt": CARS},
                {"step": 3},
                '{"prompt": "Is the',
            ]
        )
    assert store.rows("select line, kind from rollout_faults order by line") == [
        (2, "reward"),
        (3, "unknown"),
        (4, "ambiguous"),
        (5, "unreadable"),
        (6, "unreadable"),
    ]
    assert store.rows("select line, reward from rollouts where reward is null") == [(2, None)]
    assert "log.jsonl:5: no prompt with a completion among its fields step" in caplog.text
    assert "2 such in the logs" in caplog.text
    store.close()


def test_a_file_without_a_completion_is_refused(record: Record) -> None:
    with pytest.raises(AuditError, match=r"log\.jsonl: none of its 2 rows is a completion of a prompt"):
        record([{"a": 1}, {"b": 2}])


def test_a_reward_audit_reads_samples_too(tmp_path: Path) -> None:
    (tmp_path / "prompts.json").write_text(json.dumps(PROMPTS))
    log = write(tmp_path / "log.jsonl", [{**SAID, "id": "a"}])
    flags = {"data": tmp_path / "prompts.json", "samples": log, "target": "pay.py:reward"}
    store = Store(tmp_path, "1GB", 1)
    with Engine(1) as engine:
        for one in plan(["rollouts"]):
            one.run(Recording(store, engine, parse_config(flags, "test", RewardConfig)))
    assert store.rows("select condition, turn from rollouts") == [("image", 1)]
    store.close()


def test_workers_do_not_change_the_order(tmp_path: Path) -> None:
    rng = random.Random(0)
    rows = [{"id": rng.choice("abcde"), "completion": "so " * 400, "reward": n} for n in range(4000)]
    (tmp_path / "prompts.json").write_text(json.dumps(PROMPTS))
    flags = {"data": tmp_path / "prompts.json", "samples": write(tmp_path / "log.jsonl", rows)}
    store = Store(tmp_path, "1GB", 1)
    with Engine(2) as engine:
        for one in plan(["rollouts"]):
            one.run(Recording(store, engine, parse_config(flags, "test", PromptsConfig)))
    assert store.rows("select rollout, line, reward from rollouts order by rollout") == [
        (n, n + 1, float(n)) for n in range(4000)
    ]
    store.close()
