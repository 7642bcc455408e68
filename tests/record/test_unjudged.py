"""Completions that are of no step of the run: of steps that were begun again, and of TRL's evaluation."""

import json
import logging
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sft_audit import audit_run
from sft_audit.store import Store

N = 16


def line(step: int, word: str = "red") -> dict:
    """Return a step as ms-swift logs it: four prompts, four completions of each."""
    return {
        "step": [str(step)] * N,
        "prompt": [f"q{at // 4}" for at in range(N)],
        "completion": [f"{word} at {step}", "blue"] * (N // 2),
        "Acc": [1.0, 0.0] * (N // 2),
        "solution": ["red"] * N,
        "advantages": [0.5, -0.5] * (N // 2),
    }


def steps(run: Path, out: Path) -> dict[int, tuple[int, int, bool]]:
    """Return how many completions and groups each step has, and whether one of them begins with "old"."""
    store = Store(audit_run(run, out=out, workers=1).folder, "1GB", 1, read_only=True)
    rows = store.rows(
        """
        select step, count(*), count(distinct group_no), bool_or(starts_with(completion, 'old'))
        from episodes
        group by step
        order by step
        """
    )
    store.close()
    return {step: tuple(rest) for step, *rest in rows}


def test_of_a_step_that_a_resumed_run_logged_again_the_later_counts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [line(step, "old" if step > 3 else "red") for step in range(1, 7)]
    rows += [line(step) for step in range(4, 9)]
    run = tmp_path / "completions.jsonl"
    run.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with caplog.at_level(logging.WARNING, "sft_audit"):
        found = steps(run, tmp_path / "audit")
    assert found == dict.fromkeys(range(1, 9), (N, 4, False))
    assert "completions.jsonl:4: a step that the run began again later" in caplog.text
    assert "48 such in the logs" in caplog.text


def test_of_a_log_in_no_order_every_completion_counts(tmp_path: Path) -> None:
    rows = [
        {"step": step, "prompt": f"q{at // 4}", "completion": "red", "reward": float(at % 2), "gold": "red"}
        for step in range(1, 9)
        for at in range(N)
    ]
    random.Random(0).shuffle(rows)
    run = tmp_path / "log.jsonl"
    run.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert steps(run, tmp_path / "audit") == dict.fromkeys(range(1, 9), (N, 4, False))


def test_what_trl_logged_of_an_evaluation_is_not_judged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = tmp_path / "run"
    (run / "completions").mkdir(parents=True)
    history: list[dict] = [{"step": step, "reward": 0.5} for step in range(1, 7)]
    history.insert(3, {"step": 3, "eval_reward": 0.5})
    (run / "trainer_state.json").write_text(json.dumps({"global_step": 6, "log_history": history}))
    for step in range(1, 7):
        evaluated = step in (3, 4)  # the fourth step samples nothing, and logs what was sampled last
        rows = [
            {
                "step": step,
                "prompt": f"q{at // 4} of {3 if evaluated else step}",
                "completion": "old" if evaluated else "red",
                "accuracy": float(at % 2),
                "advantage": 0.5,
                "solution": "red",
            }
            for at in range(N)
        ]
        pq.write_table(pa.Table.from_pylist(rows), run / "completions" / f"completions_{step:05d}.parquet")
    with caplog.at_level(logging.WARNING, "sft_audit"):
        found = steps(run, tmp_path / "audit")
    assert found == dict.fromkeys((1, 2, 5, 6), (N, 4, False))
    assert f"TRL logged the completions of an evaluation here (in no group: {2 * N} such" in caplog.text
