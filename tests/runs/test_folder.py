"""What is found in a run's folder, and what is not taken for it."""

import json
from pathlib import Path

import pytest

from sft_audit.errors import AuditError
from sft_audit.runs import RunFiles, find_run


def put(path: Path, *rows: dict) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def state(path: Path, step: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"global_step": step, "log_history": [{"step": step, "loss": 1.0}]}, indent=2))
    return path


def rollout(step: int) -> dict:
    return {"input": "Which?", "output": "red", "gts": "red", "score": 1.0, "step": step}


def test_of_several_states_the_newest_is_read_and_checkpoints_stand_in_order(tmp_path: Path) -> None:
    for step in (2, 4, 10):
        state(tmp_path / f"checkpoint-{step}" / "trainer_state.json", step)
    found = find_run(tmp_path)
    assert found == RunFiles(
        (),
        (tmp_path / "checkpoint-10" / "trainer_state.json",),
        tuple((step, tmp_path / f"checkpoint-{step}") for step in (2, 4, 10)),
    )
    final = state(tmp_path / "trainer_state.json", 12)
    assert find_run(tmp_path).metrics == (final,)


def test_a_log_that_grows_goes_before_the_state_of_a_checkpoint(tmp_path: Path) -> None:
    state(tmp_path / "checkpoint-2" / "trainer_state.json", 2)
    log = put(tmp_path / "logging.jsonl", {"loss": 1.0, "global_step/max_steps": "3/9"})
    assert find_run(tmp_path).metrics == (log,)


def test_the_state_says_more_than_the_log_of_llamafactory(tmp_path: Path) -> None:
    saved = state(tmp_path / "checkpoint-2" / "trainer_state.json", 2)
    put(tmp_path / "trainer_log.jsonl", {"current_steps": 3, "total_steps": 9, "loss": 1.0})
    assert find_run(tmp_path).metrics == (saved,)


def test_two_runs_in_one_folder_are_refused(tmp_path: Path) -> None:
    for run in ("v0", "v1"):
        state(tmp_path / run / "checkpoint-2" / "trainer_state.json", 2)
    with pytest.raises(
        AuditError, match=r"holds the logs of 2 runs: v0/checkpoint-2/trainer_state.json, v1/"
    ):
        find_run(tmp_path)
    assert find_run(tmp_path / "v0").checkpoints == ((2, tmp_path / "v0" / "checkpoint-2"),)


def test_of_a_checkpoint_the_folder_that_can_be_loaded_is_named(tmp_path: Path) -> None:
    put(tmp_path / "10.jsonl", rollout(10))
    shards = tmp_path / "global_step_10" / "actor"
    put(shards / "model_world_size_2_rank_0.pt")
    put(shards / "huggingface" / "config.json")
    assert find_run(tmp_path).checkpoints == ((10, tmp_path / "global_step_10"),)
    put(shards / "huggingface" / "model.safetensors")
    assert find_run(tmp_path).checkpoints == ((10, shards / "huggingface"),)


def test_rollouts_stand_in_the_order_of_their_steps(tmp_path: Path) -> None:
    names = [put(tmp_path / f"{step}.jsonl", rollout(step)) for step in (9, 10, 100)]
    assert find_run(tmp_path).rollouts == tuple(names)


def test_data_and_what_an_audit_wrote_are_no_rollouts(tmp_path: Path) -> None:
    put(tmp_path / "1.jsonl", rollout(1))
    put(tmp_path / "val_dataset.jsonl", {"prompt": "Which?", "completion": "red"})
    put(tmp_path / "tokenizer_config.json", {"prompt": "Which?", "completion": "red"})
    put(tmp_path / ".cache" / "2.jsonl", rollout(2))
    put(tmp_path / "audit" / "audit.duckdb")
    put(tmp_path / "audit" / "3.jsonl", rollout(3))
    assert find_run(tmp_path).rollouts == (tmp_path / "1.jsonl",)


def test_what_cannot_be_opened_or_is_half_written_is_passed_over(tmp_path: Path) -> None:
    good = put(tmp_path / "1.jsonl", rollout(1))
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere")
    (tmp_path / "completions_00002.parquet").write_bytes(b"PAR1" + b"\0" * 40)
    (tmp_path / "2.jsonl").write_text('{"input": "Which?", "out')
    (tmp_path / "3.jsonl").touch()
    assert find_run(tmp_path).rollouts == (good,)


@pytest.mark.parametrize("name", ["grpo-test", "test_run", "eval-7b", "my.test", "latest", "val2"])
def test_a_run_may_be_called_a_test(tmp_path: Path, name: str) -> None:
    own = put(tmp_path / name / "rollouts" / "1.jsonl", rollout(1))
    assert find_run(tmp_path).rollouts == find_run(tmp_path / name).rollouts == (own,)


@pytest.mark.parametrize("name", ["val", "Validation", "eval", "test", "validation_data_dir", "val-rollouts"])
def test_what_evaluation_sampled_is_told_by_a_folders_whole_name(tmp_path: Path, name: str) -> None:
    held_out = put(tmp_path / name / "1.jsonl", rollout(1))
    with pytest.raises(AuditError, match=f"sampled in evaluation, .*give {held_out.parent} itself"):
        find_run(tmp_path)
    assert find_run(tmp_path / name).rollouts == (held_out,)
    own = put(tmp_path / "rollouts" / "1.jsonl", rollout(1))
    found = find_run(tmp_path)
    assert (found.rollouts, found.validations) == ((own,), (held_out,))


def test_one_file_is_a_run_of_its_own(tmp_path: Path) -> None:
    plain = put(tmp_path / "eval" / "x.jsonl", {"prompt": "Which?", "completion": "red"})
    assert find_run(plain) == RunFiles((plain,), (), ())
    log = put(tmp_path / "log.jsonl", {"step": 1, "reward": 1.0})
    assert find_run(log) == RunFiles((), (log,), ())


def test_where_nothing_is_a_log_one_line_says_what_to_give(tmp_path: Path) -> None:
    put(tmp_path / "data.jsonl", {"question": "Which?"})
    with pytest.raises(AuditError, match="no log of a run; give "):
        find_run(tmp_path)
    with pytest.raises(AuditError, match="no log of a run; give "):
        find_run(tmp_path / "data.jsonl")
    with pytest.raises(AuditError, match=r"no such file or folder; did you mean .*data\.jsonl"):
        find_run(tmp_path / "dta.jsonl")
