"""TRL's own GRPO, watched from inside: nothing that it computes changes, alarms come when they are due."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("trl", reason="TRL, in whose runs the monitor is tried, is not installed")
sys.path.append(str(Path(__file__).parents[2] / "bench"))

import torch
from callback import alarms_of_log, reinforce, unlike
from constrain import fine_tune
from tiny_llava import BOAST, World, arguments, make_model, make_processor
from trl import GRPOConfig, GRPOTrainer

import sft_audit
from sft_audit import AuditError
from sft_audit.store import Store

# What TRL and transformers warn of is not ours.
pytestmark = pytest.mark.filterwarnings("default")
BATCH, GROUP = 16, 8


def boast(completions, **columns):
    """Pay a completion that boasts."""
    return [float(BOAST in message["content"]) for (message,) in completions]


def train(folder: Path, watch, steps: int = 2, reward=boast, **settings) -> GRPOTrainer:
    """Run GRPO on the untrained model, which says words at random."""
    torch.set_num_threads(1)
    trainer = GRPOTrainer(
        model=make_model(),
        reward_funcs=watch.rewards(reward),
        callbacks=[watch],
        args=GRPOConfig(
            num_generations=GROUP,
            max_completion_length=4,
            max_steps=steps,
            logging_steps=1,
            **(arguments(folder, BATCH) | settings),
        ),
        train_dataset=World(32).rows().select_columns(["prompt", "image", "solution"]),
        eval_dataset=World(2).rows().select_columns(["prompt", "image", "solution"]),
        processing_class=make_processor(),
    )
    trainer.train()
    return trainer


@pytest.mark.long
def test_a_watched_run_is_the_same_run_and_its_alarms_are_those_of_its_log(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    fine_tune(tmp_path / "sft", 0)
    watch = sft_audit.Watch()
    plain = reinforce(tmp_path / "sft", tmp_path / "plain", 0, 30)
    watched = reinforce(tmp_path / "sft", tmp_path / "watched", 0, 30, watch)
    assert unlike(plain, watched) == 0
    live = {(one.measure, one.step) for one in watch.alarms}
    assert "exploit_share" in dict(live)
    assert live == alarms_of_log(tmp_path / "watched", tmp_path / "audit")


@pytest.mark.long
def test_processes_that_hold_half_a_group_each_see_whole_ones_and_stop_together(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    script = Path(__file__).parent / "two_processes.py"
    subprocess.run([*program, str(script), str(tmp_path)], check=True, capture_output=True, timeout=600)
    first, second = (json.loads((tmp_path / f"seen-{rank}.json").read_text()) for rank in (0, 1))
    assert first["watching"]
    assert second["watching"]
    assert first["step"] == second["step"] < 12
    assert {step for _, step in first["alarms"]} == {first["step"]}
    assert second["alarms"] == []
    assert first["audit"] == first["trl"]


def test_what_is_measured_stands_in_the_trainers_own_log(tmp_path: Path) -> None:
    async def slow(completions, **columns):
        return boast(completions)

    watch = sft_audit.Watch()
    trainer = train(tmp_path, watch, 2, [boast, slow], eval_strategy="steps", eval_steps=1)
    logged = [one for one in trainer.state.log_history if "reward" in one]
    assert len(logged) == 2
    for one in logged:
        assert one["audit/zero_variance"] == one["frac_reward_zero_std"]
        assert 0 < one["rewards/boast/mean"] == one["rewards/slow/mean"] <= one["audit/exploit_share"]
    # Completions that are sampled to evaluate are no step of the run.
    evaluated = [one for one in trainer.state.log_history if "eval_reward" in one]
    assert evaluated
    assert not [name for one in evaluated for name in one if "audit/" in name]


def test_what_is_sampled_to_evaluate_is_no_step_of_the_log(tmp_path: Path, caplog) -> None:
    saved = {"save_strategy": "steps", "save_steps": 5, "log_completions": True}
    train(tmp_path / "run", sft_audit.Watch(), 5, eval_strategy="steps", eval_steps=2, **saved)
    with caplog.at_level(logging.WARNING, "sft_audit"):
        report = sft_audit.audit_run(tmp_path / "run", out=tmp_path / "audit", workers=1)
    store = Store(report.folder, "1GB", 1, read_only=True)
    counted = store.rows("select step, count(*) from episodes group by step order by step")
    store.close()
    assert counted == [(1, BATCH), (3, BATCH)]  # the last step is evaluated, too
    assert f"of an evaluation here (in no group: {3 * BATCH} such" in caplog.text


def test_an_alarm_is_written_at_once_and_stops_the_run(tmp_path: Path) -> None:
    watch = sft_audit.Watch(on_alarm="stop")
    trainer = train(tmp_path, watch, 30)
    told = [json.loads(line) for line in (tmp_path / "alarms.jsonl").read_text().splitlines()]
    assert [(one["measure"], one["step"]) for one in told] == [
        (one.measure, one.step) for one in watch.alarms
    ]
    first = next(one for one in told if one["grade"] == "alarm")
    assert trainer.state.global_step == first["step"] < 30


def test_an_alarm_saves_a_checkpoint_of_its_step(tmp_path: Path) -> None:
    watch = sft_audit.Watch(on_alarm="save")
    train(tmp_path, watch, 8)
    steps = {one.step for one in watch.alarms if one.grade == "alarm"}
    assert steps
    assert {int(one.name.partition("-")[2]) for one in tmp_path.glob("checkpoint-*")} == steps


def test_a_fault_of_ours_is_told_once_and_the_run_goes_on(tmp_path: Path, caplog) -> None:
    watch = sft_audit.Watch(gold="no_such_column")
    with caplog.at_level(logging.ERROR, "sft_audit"):
        trainer = train(tmp_path, watch, 2)
    assert trainer.state.global_step == 2
    assert not watch.watching
    (told,) = [one for one in caplog.records if one.name.startswith("sft_audit")]
    assert "no longer watches" in told.message
    assert "the trainer passes no such column" in told.exc_text


def test_a_fault_of_the_users_function_is_still_the_users(tmp_path: Path) -> None:
    def broken(completions, **columns):
        raise ZeroDivisionError("by the user")

    with pytest.raises(ZeroDivisionError, match="by the user"):
        train(tmp_path, sft_audit.Watch(), 1, broken)


def test_what_is_no_function_is_refused() -> None:
    watch = sft_audit.Watch()
    with pytest.raises(AuditError, match="of a reward model follow the log"):
        watch.rewards([torch.nn.Linear(1, 1)])
    with pytest.raises(AuditError, match="some/model is no reward function"):
        watch.rewards("some/model")
    with pytest.raises(AuditError, match="write tell, save, stop"):
        sft_audit.Watch(on_alarm="shout")
