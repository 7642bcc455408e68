"""A local reward model is paid by as TRL's own trainer pays by it."""

import warnings
from pathlib import Path

import pytest

from sft_audit.errors import AuditError
from sft_audit.rewards import Rollout
from sft_audit.rewards.process import Limits, RewardProcess

pytest.importorskip("torch")
pytest.importorskip("transformers")
tiny = pytest.importorskip("tiny")

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def reward_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_classifier(tmp_path_factory.mktemp("models") / "reward")


def rewards(target: object, rollouts: list[Rollout], log: Path) -> list[float | None]:
    with RewardProcess(str(target), None, Limits(seconds=60), log / "reward.log") as process:
        assert (process.convention, process.threaded, process.names_images) == ("trl-model", False, False)
        scored = process.score(rollouts)
    assert [one.error for one in scored] == [None] * len(rollouts)
    return [one.reward for one in scored]


@pytest.mark.parametrize("sees", [False, True])
def test_trl_logs_the_rewards_that_we_get(
    sees: bool, reward_model: Path, tmp_path: Path, monkeypatch
) -> None:
    trl = pytest.importorskip("trl")
    datasets = pytest.importorskip("datasets")
    from PIL import Image

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    picture = tmp_path / "red.png"
    Image.new("RGB", (32, 32), (220, 30, 30)).save(picture)
    text = "what colour is the circle ?"
    content = [{"type": "image"}, {"type": "text", "text": text}] if sees else text
    row = {"prompt": [{"role": "user", "content": content}]} | (
        {"image": Image.open(picture)} if sees else {}
    )
    heard = []

    def listening(prompts, completions, **columns):
        heard.extend(zip(prompts, completions, strict=True))
        return [0.0] * len(completions)

    model = (tiny.save_llava if sees else tiny.save_language_model)(tmp_path / "policy")
    trainer = trl.GRPOTrainer(
        model=str(model),
        reward_funcs=[str(reward_model), listening],
        args=trl.GRPOConfig(
            output_dir=str(tmp_path / "grpo"),
            per_device_train_batch_size=8,
            num_generations=8,
            max_completion_length=6,
            max_steps=1,
            report_to="none",
            use_cpu=True,
            bf16=False,
            save_strategy="no",
            gradient_checkpointing=False,
        ),
        train_dataset=datasets.Dataset.from_list([row] * 8),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.train()
    logged = list(trainer._logs["rewards"]["reward"])
    images = (str(picture),) if sees else ()
    rollouts = [Rollout(text, completion[0]["content"], "", images) for _, completion in heard]
    assert len(rollouts) == 8
    assert len(set(logged)) > 2
    assert rewards(reward_model, rollouts, tmp_path) == pytest.approx(logged, abs=1e-4)
    assert {len(prompt[0]["content"]) for prompt, _ in heard} == {2 if sees else len(text)}


def test_a_module_with_its_tokenizer_beside_it_pays_the_same(reward_model: Path, tmp_path: Path) -> None:
    source = (
        "from transformers import AutoModelForSequenceClassification, AutoTokenizer\n"
        f"model = AutoModelForSequenceClassification.from_pretrained({str(reward_model)!r}, num_labels=1)\n"
    )
    (tmp_path / "alone.py").write_text(source)
    source += f"tokenizer = AutoTokenizer.from_pretrained({str(reward_model)!r})\n"
    (tmp_path / "beside.py").write_text(source)
    rollouts = [Rollout("what colour is the circle ?", colour, colour) for colour in ("red", "green", "blue")]
    expected = rewards(reward_model, rollouts, tmp_path)
    assert len(set(expected)) == 3
    for name in ("alone", "beside"):
        assert rewards(f"{tmp_path}/{name}.py:model", rollouts, tmp_path) == expected


def test_a_batch_pays_what_one_by_one_pays(reward_model: Path, tmp_path: Path) -> None:
    rollouts = [Rollout("what is the ?", text, "red") for text in ("red", "red green blue A B", "")]
    with RewardProcess(str(reward_model), None, Limits(seconds=60), tmp_path / "log") as process:
        together = process.score(rollouts)
        alone = [process.score([one])[0].reward for one in rollouts]
    assert [one.reward for one in together] == pytest.approx(alone, abs=1e-4)


def test_what_is_no_reward_model_is_refused_in_one_line(reward_model: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    pickled = tiny.save_classifier(tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    for folder, said in (
        (tmp_path / "empty", "no config.json"),
        (pickled, "no model.safetensors; other weights are not loaded"),
        (tiny.save_language_model(tmp_path / "language"), "no weights for score.weight"),
        (tiny.save_classifier(tmp_path / "untold", template=None), "no chat template"),
    ):
        with pytest.raises(AuditError) as refused:
            RewardProcess(str(folder), None, Limits(), tmp_path / "log")
        assert said in str(refused.value)
        assert "\n" not in str(refused.value)
