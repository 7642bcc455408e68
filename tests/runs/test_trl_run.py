"""What TRL's own trainers leave behind, of a tiny model: a run of GRPO and one of DPO."""

import math
import sys
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path

import pytest

from sft_audit.errors import AuditError
from sft_audit.runs import Metric, find_run, read_metrics
from sft_audit.runs.names import canonical

trl = pytest.importorskip("trl")
transformers = pytest.importorskip("transformers")
datasets = pytest.importorskip("datasets")

WORDS = ["<pad>", "<bos>", "<eos>", "<unk>", "user:", "assistant:", "what", "is", "the", "car", "cup", "red"]
TEMPLATE = (
    "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + ' ' }}{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
SETTINGS = {
    "per_device_train_batch_size": 4,
    "max_steps": 4,
    "logging_steps": 1,
    "save_strategy": "steps",
    "save_steps": 2,
    "use_cpu": True,
    "bf16": False,
}


def right(completions: list, solution: list, **_: object) -> list[float]:
    return [float(gold in one[0]["content"]) for one, gold in zip(completions, solution, strict=True)]


def watch(completions: list, **_: object) -> list[None]:
    return [None] * len(completions)


def tiny() -> tuple:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = Tokenizer(models.WordLevel({w: at for at, w in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = {"pad_token": "<pad>", "bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>"}
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, padding_side="left", chat_template=TEMPLATE, **special
    )
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.LlamaConfig(
        vocab_size=len(WORDS),
        max_position_embeddings=64,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        **shape,
    )
    return transformers.LlamaForCausalLM(config), tokenizer


def asked(thing: str) -> list[dict]:
    return [{"role": "user", "content": f"what is the {thing}"}]


@pytest.fixture(scope="module")
def grpo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four steps of GRPO, logged to an event file too, with an evaluation at the end."""
    model, tokenizer = tiny()
    out = tmp_path_factory.mktemp("grpo")
    rows = datasets.Dataset.from_list(
        [{"prompt": asked(thing), "solution": "red"} for thing in ("car", "cup")] * 4
    )
    arguments = trl.GRPOConfig(
        output_dir=str(out),
        num_generations=4,
        max_completion_length=4,
        log_completions=True,
        report_to=["tensorboard"] if find_spec("tensorboard") else "none",
        eval_strategy="steps",
        eval_steps=4,
        **SETTINGS,
    )
    trl.GRPOTrainer(
        model=model,
        reward_funcs=[right, watch],
        args=arguments,
        train_dataset=rows,
        eval_dataset=rows.select(range(2)),
        processing_class=tokenizer,
    ).train()
    return out


@pytest.fixture(scope="module")
def dpo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four steps of DPO."""
    model, tokenizer = tiny()
    out = tmp_path_factory.mktemp("dpo")
    rows = [
        {
            "prompt": asked(thing),
            "chosen": [{"role": "assistant", "content": "red"}],
            "rejected": [{"role": "assistant", "content": "the cup"}],
        }
        for thing in ("car", "cup")
    ]
    trl.DPOTrainer(
        model=model,
        ref_model=deepcopy(model),
        args=trl.DPOConfig(output_dir=str(out), report_to="none", **SETTINGS),
        train_dataset=datasets.Dataset.from_list(rows * 8),
        processing_class=tokenizer,
    ).train()
    return out


def named(metrics: list[Metric]) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = {}
    for one in metrics:
        assert isinstance(one, Metric)
        name = canonical(one.name)
        if name is not None:
            before = found.setdefault(name, {}).setdefault(one.step, one.value)
            assert before == pytest.approx(one.value, nan_ok=True), name
    return found


@pytest.mark.filterwarnings("ignore")
def test_a_run_of_grpo_is_found_and_read(grpo: Path) -> None:
    found = find_run(grpo)
    assert [one.name for one in found.rollouts] == [f"completions_{step:05d}.parquet" for step in range(1, 5)]
    assert found.metrics == (grpo / "checkpoint-4" / "trainer_state.json",)
    assert found.checkpoints == ((2, grpo / "checkpoint-2"), (4, grpo / "checkpoint-4"))
    read = named(list(read_metrics(found.metrics[0])))
    for name in (
        "reward",
        "reward_std",
        "zero_std_groups",
        "entropy",
        "length",
        "clipped_lengths",
        "clip_low",
        "clip_high",
        "policy_clip",
        "grad_norm",
        "loss",
        "learning_rate",
        "step_time",
        "tokens",
        "reward/right",
    ):
        assert set(read[name]) == {1, 2, 3, 4}, name
    assert read["reward"] == read["reward/right"]
    assert set(read["eval_reward"]) == {4}


@pytest.mark.filterwarnings("ignore")
def test_the_mean_of_a_function_that_pays_nothing_is_nan(grpo: Path) -> None:
    state = grpo / "checkpoint-4" / "trainer_state.json"
    assert '"rewards/watch/mean": null' in state.read_text()
    watched = [one.value for one in read_metrics(state) if one.name == "rewards/watch/mean"]
    assert len(watched) == 4
    assert all(map(math.isnan, watched))


def test_a_loss_that_is_nan_stands_bare_in_the_state(tmp_path: Path) -> None:
    state = tmp_path / "trainer_state.json"
    transformers.TrainerState(log_history=[{"loss": math.nan, "step": 1}]).save_to_json(str(state))
    assert '"loss": NaN' in state.read_text()
    (found,) = read_metrics(state)
    assert (found.step, found.name, math.isnan(found.value)) == (1, "loss", True)


@pytest.mark.filterwarnings("ignore")
def test_the_event_file_says_what_the_state_says(grpo: Path) -> None:
    pytest.importorskip("tensorboard")
    (events,) = grpo.rglob("*tfevents*")
    assert find_run(events).metrics == (events,)
    state = named(list(read_metrics(grpo / "checkpoint-4" / "trainer_state.json")))
    logged = named(list(read_metrics(events)))
    for name in ("reward", "entropy", "length", "grad_norm", "reward/right", "eval_reward"):
        assert logged[name] == pytest.approx(state[name], rel=1e-6), name


@pytest.mark.filterwarnings("ignore")
def test_a_run_of_dpo_is_read(dpo: Path) -> None:
    found = find_run(dpo)
    assert found.rollouts == ()
    assert [step for step, _ in found.checkpoints] == [2, 4]
    read = named(list(read_metrics(found.metrics[0])))
    for name in ("chosen_reward", "rejected_reward", "margin", "preference_accuracy", "chosen_logp"):
        assert set(read[name]) == {1, 2, 3, 4}, name
    for step, margin in read["margin"].items():
        assert margin == pytest.approx(read["chosen_reward"][step] - read["rejected_reward"][step], abs=1e-4)
    assert read["rejected_logp"][1] < 0


@pytest.mark.filterwarnings("ignore")
def test_what_stands_before_the_break_of_a_state_is_read(dpo: Path, tmp_path: Path) -> None:
    whole = dpo / "checkpoint-4" / "trainer_state.json"
    text = whole.read_text()
    cut = tmp_path / "trainer_state.json"
    cut.write_text(text[: text.rindex('"rewards/chosen"')])
    *before, broken = read_metrics(cut)
    assert before == [one for one in read_metrics(whole) if one.step < 4]
    assert (broken.line, broken.reason) == (
        text[: text.rindex("{", 0, text.rindex('"rewards/chosen"'))].count("\n") + 1,
        "the file breaks off, or is damaged, here",
    )


def test_without_tensorboard_one_line_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = tmp_path / "events.out.tfevents.1.host"
    events.write_bytes(b"\x18")
    monkeypatch.setitem(sys.modules, "tensorboard.compat.tensorflow_stub.pywrap_tensorflow", None)
    with pytest.raises(AuditError, match=r"pip install 'sft-audit\[tensorboard\]'"):
        list(read_metrics(events))
