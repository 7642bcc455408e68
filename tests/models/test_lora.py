"""An adapter over its base is what PEFT merges; what is more than two matrices is refused in one line."""

import json
from pathlib import Path

import pytest

from sft_audit.errors import AuditError
from sft_audit.models.checkpoint_files import open_weights
from sft_audit.models.lora import open_checkpoint
from sft_audit.models.safetensors_file import Block
from sft_audit.record.weights import compare
from sft_audit.testing import write_model

pytestmark = pytest.mark.filterwarnings("ignore")

MEASURES = (
    "relative_change",
    "spectral_change",
    "effective_rank_base",
    "effective_rank",
    "effective_rank_of_change",
)
W = "language_model.layers.0.self_attn.q_proj.weight"
LORA = {"peft_type": "LORA", "r": 1, "lora_alpha": 2}
A, B = (f"base_model.model.{W}".replace("weight", f"{matrix}.weight") for matrix in ("lora_A", "lora_B"))


def adapter(folder: Path, config: object, **weights: list) -> Path:
    write_model(folder, {A: [[1.0, 2.0, 3.0]], B: [[1.0], [0.0]]} | weights)
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (LORA | {"use_dora": True}, "DoRA.*merge_and_unload"),
        (LORA | {"peft_type": "IA3"}, "IA3"),
        (LORA | {"init_lora_weights": "pissa_niter_4"}, "pissa_niter_4"),
        (LORA | {"target_parameters": ["experts.up"]}, "bare parameters"),
        (LORA | {"lora_alpha": "much"}, "lora_alpha is 'much'"),
        (LORA | {"alpha_pattern": {"(": 3}}, "is no name of modules"),
        (LORA | {"fan_in_fan_out": True}, "make 3 x 2, the base model's is 2 x 3"),
        ([], "not a JSON object"),
    ],
)
def test_an_adapter_that_is_more_than_two_matrices_is_refused(
    config: object, said: str, tmp_path: Path
) -> None:
    write_model(tmp_path / "base", {W: [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]})
    with pytest.raises(AuditError, match=said):
        open_checkpoint(adapter(tmp_path / "lora", config), open_weights(tmp_path / "base"))


def test_an_adapter_is_added_to_its_base(tmp_path: Path) -> None:
    write_model(tmp_path / "base", {W: [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]})
    base = open_weights(tmp_path / "base")
    found = open_checkpoint(adapter(tmp_path / "lora", LORA), base)[W]
    assert found.values(Block(0, 2, 0, 3)).tolist() == [[3.0, 5.0, 7.0], [1.0, 1.0, 1.0]]
    assert found.values(Block(0, 1, 1, 3)).tolist() == [[5.0, 7.0]]
    assert found.change_spectrum().tolist() == pytest.approx([2 * 14**0.5])


def test_an_adapter_of_another_base_or_with_pickled_weights_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "base", {W.replace("0", "1"): [[1.0, 1.0, 1.0]]})
    base = open_weights(tmp_path / "base")
    folder = adapter(tmp_path / "lora", LORA)
    with pytest.raises(AuditError, match="no tensor of the base model"):
        open_checkpoint(folder, base)
    (folder / "non_lora_trainables.bin").write_bytes(b"")
    with pytest.raises(AuditError, match="pickle with more weights"):
        open_checkpoint(folder, base)


def adapted(folder: Path, model: object, **settings: object) -> None:
    """Write a LoRA with weights of its own, and the model that PEFT merges it into."""
    import peft
    import torch

    model = peft.get_peft_model(model, peft.LoraConfig(**settings))
    torch.manual_seed(2)
    with torch.no_grad():
        for one in model.parameters():
            if one.requires_grad:
                one.copy_(0.05 * torch.randn_like(one))
    model.save_pretrained(folder / "adapter")
    model.merge_and_unload().save_pretrained(folder / "merged")


def reports(folder: Path) -> list[dict[str, dict]]:
    base = open_weights(folder / "base")
    return [
        {row["name"]: row for row in compare(base, open_checkpoint(folder / name, base))}
        for name in ("adapter", "merged")
    ]


@pytest.mark.parametrize(
    "settings",
    [
        {"target_modules": ["q_proj", "v_proj"], "modules_to_save": ["multi_modal_projector"]},
        {"target_modules": ["q_proj", "fc1"], "use_rslora": True},
        {
            "target_modules": ["q_proj", "v_proj"],
            "rank_pattern": {"v_proj": 2},
            "alpha_pattern": {r"layers\.1\.self_attn\.q_proj": 5},
        },
        {"target_modules": ["embed_tokens", "q_proj"]},
    ],
    ids=["modules_to_save", "rslora", "patterns", "embedding"],
)
def test_an_adapter_is_reported_as_the_merged_model_is(settings: dict, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    tiny = pytest.importorskip("tiny")
    from transformers import LlavaForConditionalGeneration

    base = tiny.save_llava(tmp_path / "base")
    adapted(tmp_path, LlavaForConditionalGeneration.from_pretrained(base), r=4, lora_alpha=12, **settings)
    mine, merged = reports(tmp_path)
    assert mine.keys() == merged.keys()
    for name, row in merged.items():
        assert [mine[name][one] for one in ("identical", "n", "part")] == [
            row[one] for one in ("identical", "n", "part")
        ]
        for one in MEASURES:
            assert mine[name].get(one) == (row.get(one) and pytest.approx(row[one], rel=1e-5))
    assert sum("effective_rank_of_change" in row for row in merged.values()) >= 4


def test_a_transposed_layer_is_adapted_as_peft_does(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(vocab_size=20, n_embd=16, n_layer=1, n_head=2, n_positions=8))
    model.save_pretrained(tmp_path / "base")
    adapted(tmp_path, model, r=2, target_modules=["c_attn"], fan_in_fan_out=True)
    mine, merged = (one["transformer.h.0.attn.c_attn.weight"] for one in reports(tmp_path))
    assert 1 < mine["effective_rank_of_change"] < 2
    assert {one: mine[one] for one in MEASURES} == pytest.approx(
        {one: merged[one] for one in MEASURES}, rel=1e-5
    )
