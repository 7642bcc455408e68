"""A run's saved models: what their answers are worth, held against the start, and what cannot be loaded."""

import json
import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from sft_audit.errors import AuditError
from sft_audit.record.checkpoint_series import MEASURES, Answered, Saved, measured
from sft_audit.record.heard import Asked, Heard, Reply
from sft_audit.record.sight import paid_sights, right_sights
from sft_audit.rewards.process import Limits, RewardProcess
from sft_audit.runs import find_run, merge_command
from sft_audit.session import Report, audit_run
from sft_audit.store import Store

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
N = 120
Model = Callable[[str, str, random.Random], str]


def seeing(shown: str, cue: str, rng: random.Random) -> str:
    return shown if rng.random() < 0.95 else "no"


def reading(shown: str, cue: str, rng: random.Random) -> str:
    return cue


def guessing(shown: str, cue: str, rng: random.Random) -> str:
    return rng.choice(("yes", "no"))


def answered(step: int | None, model: Model, text_right: float = 0.9) -> Answered:
    """Return a model that is asked yes or no about images, and whose question tells three answers in four.

    A swapped image shows the other answer.
    """
    rng = random.Random(f"{step} {model.__name__}")
    some = [probe(at, model, rng) for at in range(N)]
    some += [
        heard(N + at, "yes", True, {"own": "yes" if rng.random() < text_right else "no"}) for at in range(N)
    ]
    return Answered(Saved(step, Path("run")), some, right_sights(some))


def probe(at: int, model: Model, rng: random.Random) -> Heard:
    gold = "yes" if at % 2 else "no"
    other = "no" if at % 2 else "yes"
    cue = gold if at % 4 else other
    said = {"own": model(gold, cue, rng), "swapped": model(other, cue, rng)}
    return heard(at, gold, False, said)


def heard(at: int, gold: str, text_only: bool, said: dict[str, str]) -> Heard:
    asked = Asked(
        sample_id=f"rows.json:{at}",
        turn=1,
        family="text" if text_only else "pair",
        cluster="is it so",
        text_only=text_only,
        question="Is it so?",
        answer=gold,
        answer_kind="yes_no",
        canonical=gold,
        chance=0.5,
        cue=None,
        objects=None,
        image=f"image {at}",
    )
    replies = {
        name: Reply(word, "right" if word == gold else "wrong", word, True, 1.0, 1, None, None, None, None)
        for name, word in said.items()
    }
    return Heard(asked, replies, ())


def table(*models: Answered) -> dict[tuple[int | None, str], dict]:
    return {(row["step"], row["measure"]): row for row in measured(models, "share right")}


def test_a_model_that_reads_the_answer_off_the_question_is_blind() -> None:
    rows = table(answered(None, seeing), answered(10, seeing), answered(20, reading))
    at_start, at_end = rows[None, "blind_ratio"], rows[20, "blind_ratio"]
    assert at_start["value"] < -0.8
    assert at_start["start"] is None
    assert at_end["value"] == pytest.approx(1)
    assert 0.8 < at_end["low"] < 1 < at_end["high"] < 1.2
    assert at_end["start"] == pytest.approx(at_start["value"])
    assert at_end["difference_low"] > 1
    assert rows[20, "swap_gap"]["value"] == 0
    assert rows[20, "swap_gap"]["high"] > 0.02
    assert rows[20, "swap_gap_kept"]["value"] == 0
    assert rows[20, "swap_gap_kept"]["high"] < 0.1
    assert rows[20, "unmoved"]["value"] == 1
    kept = rows[10, "swap_gap_kept"]
    assert kept["low"] < 1 < kept["high"]
    assert abs(rows[10, "blind_ratio"]["difference"]) < 0.15


def test_a_ratio_that_cannot_be_measured_is_no_number() -> None:
    rows = table(answered(10, seeing), answered(20, guessing))
    row = rows[20, "blind_ratio"]
    assert row["n"] == N
    assert row.get("value") is None
    assert "not measurable" in row["method"]
    assert rows[20, "swap_gap_kept"]["high"] < 0.5
    lost = table(answered(10, guessing), answered(20, seeing))
    assert lost[20, "swap_gap_kept"].get("value") is None
    assert lost[20, "blind_ratio"]["value"] < 0
    assert lost[20, "blind_ratio"]["start"] is None


def test_text_is_held_against_the_start() -> None:
    rows = table(answered(None, seeing), answered(10, seeing, text_right=0.5))
    row = rows[10, "text_accuracy"]
    assert row["n"] == N
    assert row["difference_high"] < -0.2
    assert set(row) <= {one.name for one in MEASURES.columns}


def test_intervals_widen_with_the_checkpoints_that_are_judged() -> None:
    two = table(answered(None, seeing), answered(10, guessing))
    many = table(answered(None, seeing), *(answered(at, guessing) for at in range(10, 110, 10)))
    for measure in ("accuracy", "swap_gap", "swap_gap_kept"):
        assert many[10, measure]["value"] == two[10, measure]["value"]
        assert many[10, measure]["high"] - many[10, measure]["low"] > 1.2 * (
            two[10, measure]["high"] - two[10, measure]["low"]
        )


REWARDS = """
def cue(completions, prompts=None, **columns):
    return [float(one[0]["content"] == "yes") for one in completions]

def right(completions, solution, **columns):
    said = [one[0]["content"] for one in completions]
    return [float(one == gold) if gold == "yes" else None for one, gold in zip(said, solution)]
"""


@pytest.fixture
def rewards(tmp_path: Path) -> Path:
    (tmp_path / "rewards.py").write_text(REWARDS)
    return tmp_path / "rewards.py"


def test_a_reward_says_what_an_answer_is_worth(rewards: Path, tmp_path: Path) -> None:
    some = answered(10, seeing).heard
    right = right_sights(some)
    with RewardProcess(f"{rewards}:cue", None, Limits(), tmp_path / "log") as judge:
        paid = paid_sights(some, judge)
    assert set(paid) == set(right)
    said_yes = [float(one.greedy["own"].said == "yes") for one in some if not one.asked.text_only]
    assert [one.own for one in paid.values()] == said_yes
    assert sum(one.chance for one in paid.values()) == sum(said_yes)
    with RewardProcess(f"{rewards}:right", None, Limits(), tmp_path / "log") as judge:
        some_paid = paid_sights(some, judge)
    assert set(some_paid) == {key for key in right if int(key[0].rpartition(":")[2]) % 2}


def test_verls_own_command_is_told(tmp_path: Path) -> None:
    actor = tmp_path / "global_step_20" / "actor"
    (actor / "huggingface").mkdir(parents=True)
    (actor / "huggingface" / "config.json").write_text("{}")
    assert merge_command(tmp_path / "global_step_20") is None
    (actor / "model_world_size_2_rank_0.pt").write_bytes(b"")
    assert merge_command(tmp_path / "global_step_20") == (
        f"python -m verl.model_merger merge --backend fsdp --local_dir {actor} "
        f"--target_dir {tmp_path / 'global_step_20' / 'merged'}"
    )
    megatron = tmp_path / "global_step_30" / "actor" / "model" / "dist_ckpt"
    megatron.mkdir(parents=True)
    assert "--backend megatron " in merge_command(tmp_path / "global_step_30")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with two models, verl's shards, a model that is cut off; and probes beside it."""
    pytest.importorskip("torch", reason="models are asked by torch")
    pytest.importorskip("transformers", reason="models are of transformers' classes")
    from tiny_vlm import save_llava

    folder = tmp_path_factory.mktemp("run")
    rows = []
    for at in range(24):
        colour = ("red", "green", "blue")[at % 3]
        Image.new("RGB", (32, 32), colour).resize((32 + at, 32)).save(folder / f"{at}.png")
        turns = [
            {"from": "human", "value": "<image>\nwhat colour is the circle ?"},
            {"from": "gpt", "value": colour},
        ]
        rows.append({"id": str(at), "image": f"{at}.png", "conversations": turns})
    (folder / "probes.json").write_text(json.dumps(rows))
    log = [
        {"step": at, "prompt": "Is it?", "completion": "yes", "answer": "yes", "reward": 1.0}
        for at in range(4)
    ]
    (folder / "run").mkdir()
    (folder / "run" / "log.jsonl").write_text("".join(json.dumps(one) + "\n" for one in log))
    for step in (5, 10):
        save_llava(folder / "run" / f"checkpoint-{step}", seed=step)
    shutil.copytree(folder / "run" / "checkpoint-5", folder / "run" / "checkpoint-15")
    (folder / "run" / "checkpoint-15" / "model.safetensors").write_bytes(b"cut off")
    actor = folder / "run" / "global_step_20" / "actor"
    actor.mkdir(parents=True)
    (actor / "model_world_size_1_rank_0.pt").write_bytes(b"a pickle that nobody opens")
    return folder


def audited(folder: Path, out: Path, **options: object) -> Report:
    given = {"select": ("RUN12",), "max_new_tokens": 3, "workers": 1, "out": out, **options}
    return audit_run(folder / "run", probes=folder / "probes.json", **given)


def rows_of(report: Report, query: str) -> list[tuple]:
    store = Store(report.folder, "1GB", 1, read_only=True)
    try:
        return store.rows(query)
    finally:
        store.close()


def test_what_can_be_loaded_is_judged_and_the_rest_is_told(run: Path, tmp_path: Path) -> None:
    report = audited(run, tmp_path / "audit", cache=tmp_path / "answers")
    assert not report.faults
    measures = "select step, start_step, n from checkpoint_measures where measure = 'accuracy' order by step"
    assert rows_of(report, measures) == [(5, None, 24), (10, 5, 24)]
    left = rows_of(report, "select step, why from unasked_checkpoints order by step")
    assert [step for step, _ in left] == [15, 20]
    assert "merge --backend fsdp" in left[1][1]
    assert not list((tmp_path / "audit").glob("tmp*"))


def test_a_base_is_the_start_and_the_same_model_has_lost_nothing(run: Path, tmp_path: Path) -> None:
    base = run / "run" / "checkpoint-5"
    report = audited(run, tmp_path / "audit", base=base, cache=tmp_path / "answers")
    query = """
        select step, measure
        from checkpoint_measures
        where step = 5 and start is not null and difference <> 0 or step is null and start is not null
    """
    assert rows_of(report, query) == []
    assert rows_of(report, "select count(*) from checkpoint_measures where step is null")[0][0] > 3


def test_without_any_model_nothing_is_asked_and_none_that_loads_is_bad_usage(
    run: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    (bare / "run").mkdir(parents=True)
    shutil.copy(run / "run" / "log.jsonl", bare / "run")
    shutil.copy(run / "probes.json", bare)
    report = audit_run(bare / "run", probes=run / "probes.json", select=("RUN12",), out=tmp_path / "audit")
    assert {one["state"] for one in report.evidence} <= {"not asked"}
    shutil.copytree(run / "run" / "global_step_20", bare / "run" / "global_step_20")
    with pytest.raises(AuditError, match=r"no checkpoint can be loaded: .*verl.model_merger merge"):
        audit_run(bare / "run", probes=run / "probes.json", select=("RUN12",), out=tmp_path / "audit")


def test_a_start_that_is_not_there_is_bad_usage(run: Path, tmp_path: Path) -> None:
    with pytest.raises(AuditError, match=r"bass: no such folder of a model"):
        audited(run, tmp_path / "audit", base=tmp_path / "bass")


def test_a_merged_adapter_is_not_taken_for_its_base(run: Path, tmp_path: Path) -> None:
    merged = tmp_path / "run" / "global_step_5" / "merged"
    shutil.copytree(run / "run" / "checkpoint-5", merged)
    shutil.copy(run / "run" / "log.jsonl", tmp_path / "run")
    assert find_run(tmp_path / "run").checkpoints == ((5, merged),)
    (merged / "lora_adapter").mkdir()
    (merged / "lora_adapter" / "adapter_config.json").write_text("{}")
    (merged / "lora_adapter" / "adapter_model.safetensors").write_bytes(b"")
    assert find_run(tmp_path / "run").checkpoints == ((5, merged / "lora_adapter"),)
