"""Answers of two models from logs: each is its model's, its condition's and its probe's."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sft_audit.config import CheckpointConfig, parse_config
from sft_audit.engine import Engine
from sft_audit.errors import AuditError
from sft_audit.record import Recording, plan
from sft_audit.record.log_spec import read_specs
from sft_audit.record.logged_responses import logged_responses
from sft_audit.store import Store

PROBES = [
    {"id": "a", "image": "kitchen.jpg", "problem": "<image>\nIs there a dog?", "solution": "yes"},
    {"id": "b", "image": "street.jpg", "problem": "<image>\nIs there a dog?", "solution": "no"},
    {"id": "c", "image": "street.jpg", "problem": "<image>\nHow many cars are there?", "solution": "3"},
]
Record = Callable[..., Store]


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """Record logs by `MODEL:CONDITION` as answers to the probes; return the store."""

    def run(logs: dict[str, list[dict]]) -> Store:
        (tmp_path / "probes.json").write_text(json.dumps(PROBES))
        specs = []
        for number, (who, rows) in enumerate(logs.items()):
            path = tmp_path / str(number) / "log.jsonl"
            path.parent.mkdir()
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
            specs.append(f"{who}={path}")
        flags = {"data": tmp_path / "probes.json", "samples": specs}
        config = parse_config(flags, "test", CheckpointConfig)
        store = Store(tmp_path, "1GB", 1)
        with Engine(1) as engine:
            recording = Recording(store, engine, config)
            for one in plan(["rollouts"]):
                one.run(recording)
            logged_responses(recording)
        return store

    return run


def test_answers_are_read_by_model_and_condition(record: Record) -> None:
    store = record(
        {
            "base": [{"id": "a", "completion": "Yes."}, {"id": "c", "completions": ["three", "4", "cars"]}],
            "sft:own": [{"id": "b", "completion": "<think>hm</think><answer>yes</answer>"}],
            "sft:none": [{"id": "a", "completion": "I cannot tell what it shows, " * 5}],
        }
    )
    found = store.rows(
        """
        select model, id, responses.turn, condition, draw, reading, said
        from responses
        join samples using (sample_id)
        order by model, condition, id, draw
        """
    )
    assert found == [
        ("base", "a", 1, "own", 0, "right", "yes"),
        ("base", "c", 1, "own", 0, "right", "3"),
        ("base", "c", 1, "own", 1, "wrong", "4"),
        ("base", "c", 1, "own", 2, "unread", "cars"),
        ("sft", "a", 1, "none", 0, "unread", None),
        ("sft", "b", 1, "own", 0, "wrong", "yes"),
    ]
    assert store.rows("select distinct condition from rollouts order by 1") == [
        ("base own",),
        ("sft none",),
        ("sft own",),
    ]
    assert store.rows("select count(nll), count(entropy), count(nll_said) from responses") == [(0, 0, 0)]
    store.close()


def test_several_logs_of_one_model_are_counted_on(record: Record, tmp_path: Path) -> None:
    store = record(
        {
            "base": [{"id": "a", "completion": "yes"}],
            "sft": [{"id": "a", "completion": "yes"}, {"id": "a", "completion": "no"}],
            "sft:own": [{"id": "a", "completion": "maybe"}],
        }
    )
    assert store.rows("select draw, text from responses where model = 'sft' order by draw") == [
        (0, "yes"),
        (1, "no"),
        (2, "maybe"),
    ]
    store.close()


def test_a_completion_of_no_probe_is_no_response(record: Record, caplog: pytest.LogCaptureFixture) -> None:
    one = {"id": "a", "completion": "yes"}
    store = record({"base": [one], "sft": [one, {"prompt": "Who is it?", "completion": "he"}]})
    assert store.value("select count(*) from responses") == 2
    assert store.rows("select condition, kind from rollout_faults") == [("sft own", "unknown")]
    assert "no question of the data set stands in its prompt" in caplog.text
    store.close()


def test_a_log_of_other_probes_is_refused(record: Record) -> None:
    other = [{"prompt": "Who is it?", "completion": "he"}]
    with pytest.raises(AuditError, match="none of the completions given for 'sft none' answers a probe"):
        record({"base": [{"id": "a", "completion": "yes"}], "sft:none": other})


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("log.jsonl", "it names no log"),
        ("sft:none=", "it names no log"),
        ("rl=log.jsonl", "no model 'rl'"),
        ("sft:image=log.jsonl", "no condition 'image'"),
        ("sft:=log.jsonl", "no condition ''"),
        ("base:own:x=log.jsonl", "no condition 'own:x'"),
    ],
)
def test_a_spec_that_cannot_be_read_says_what_to_write(spec: str, why: str) -> None:
    with pytest.raises(AuditError, match=why) as fault:
        read_specs([spec])
    assert "write MODEL:CONDITION=FILE" in str(fault.value)
    assert "\n" not in str(fault.value)


def test_specs_keep_what_follows_the_first_sign() -> None:
    assert read_specs(["sft=a=b:c.jsonl", "base:blank=x", "sft:own=y"]) == {
        "sft own": (Path("a=b:c.jsonl"), Path("y")),
        "base blank": (Path("x"),),
    }


def test_one_log_is_not_two_models() -> None:
    with pytest.raises(AuditError, match="given for 'base own' too"):
        read_specs(["base=log.jsonl", "sft=./log.jsonl"])


LMMS = [
    {"doc_id": 0, "input": "Is there a dog?\nOne word.", "target": "yes", "filtered_resps": "Yes"},
    {"doc_id": 1, "input": "Is there a dog?\nOne word.", "target": "no", "filtered_resps": "Yes"},
    {"doc_id": 2, "input": "How many cars are there?\nOne word.", "target": "3", "filtered_resps": "two"},
]
KIT = [
    {"index": "a", "question": "Is there a dog?", "prediction": "Yes"},
    {"index": "b", "question": "Is there a dog?", "prediction": "Yes"},
    {"index": "c", "question": "How many cars are there?", "prediction": "two"},
]
INSPECT = [
    {
        "id": row["index"],
        "epoch": 1,
        "input": row["question"],
        "output": {"choices": [{"message": {"role": "assistant", "content": row["prediction"]}}]},
    }
    for row in KIT
]


@pytest.mark.parametrize("log", [LMMS, KIT, INSPECT], ids=["lmms-eval", "VLMEvalKit", "inspect_ai"])
def test_every_harness_says_the_same_of_the_same_answers(record: Record, log: list[dict]) -> None:
    store = record({"base": log, "sft:none": log})
    rows = (
        "select id, reading, said from responses join samples using (sample_id) where model = $m order by id"
    )
    same = [("a", "right", "yes"), ("b", "wrong", "yes"), ("c", "wrong", "2")]
    assert [store.rows(rows, {"m": model}) for model in ("base", "sft")] == [same, same]
    store.close()
