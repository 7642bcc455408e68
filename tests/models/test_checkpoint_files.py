"""The files of a model are opened without torch, and what is no such file is refused in one line."""

import json
import re
import struct
from pathlib import Path

import numpy as np
import pytest

from sft_audit.errors import AuditError
from sft_audit.models.checkpoint_files import canonical, layer_of, open_weights, part_of
from sft_audit.models.safetensors_file import BLOCK, Block, Tensor, encoded, read_header
from sft_audit.testing import write_model

pytestmark = pytest.mark.filterwarnings("ignore")

Q = "self_attn.q_proj.weight"
FC1 = "encoder.layers.0.mlp.fc1.weight"
SPELLINGS = [
    ("vision", f"vision_tower.{FC1}", f"vision_tower.vision_model.{FC1}"),
    ("vision", f"vision_tower.{FC1}", f"model.vision_tower.vision_tower.vision_model.{FC1}"),
    ("projector", "multi_modal_projector.linear_1.weight", "model.multi_modal_projector.linear_1.weight"),
    ("projector", "multi_modal_projector.linear_2.bias", "model.mm_projector.2.bias"),
    ("language", f"language_model.layers.3.{Q}", f"language_model.model.layers.3.{Q}"),
    ("language", f"language_model.layers.3.{Q}", f"model.language_model.layers.3.{Q}"),
    ("language", f"language_model.layers.3.{Q}", f"model.layers.3.{Q}"),
    ("language", f"language_model.layers.3.{Q}", f"base_model.model.model.language_model.layers.3.{Q}"),
    ("language", "lm_head.weight", "language_model.lm_head.weight"),
    ("language", "language_model.embed_tokens.weight", "_orig_mod.model.embed_tokens.weight"),
    ("vision", "visual.blocks.0.attn.qkv.weight", "model.visual.blocks.0.attn.qkv.weight"),
    ("projector", "visual.merger.mlp.0.weight", "visual.merger.mlp.0.weight"),
    (
        "projector",
        "visual.deepstack_merger_list.0.norm.bias",
        "model.visual.deepstack_merger_list.0.norm.bias",
    ),
    ("vision", "vision_model.encoder.layers.1.ls1", "vision_model.encoder.layers.1.ls1"),
    ("projector", "mlp1.0.weight", "mlp1.0.weight"),
    ("projector", "connector.modality_projection.bias", "model.connector.modality_projection.bias"),
    ("language", f"text_model.layers.3.{Q}", f"model.text_model.layers.3.{Q}"),
]


@pytest.mark.parametrize(("part", "expected", "name"), SPELLINGS)
def test_names_have_one_spelling_and_a_part(part: str, expected: str, name: str) -> None:
    assert canonical(name) == expected
    assert canonical(expected) == expected
    assert part_of(expected) == part


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"language_model.layers.13.{Q}", ("language_model.layers.13", 13)),
        ("visual.blocks.2.norm1.weight", ("visual.blocks.2", 2)),
        ("visual.merger.mlp.0.weight", ("visual.merger.mlp.0", None)),
        ("class_embedding", ("class_embedding", None)),
    ],
)
def test_a_layer_is_told_from_the_name(name: str, expected: tuple[str, int | None]) -> None:
    assert layer_of(name) == expected


def test_a_saved_llava_is_found_under_the_names_that_it_has_in_memory(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    tiny = pytest.importorskip("tiny")
    from transformers import LlavaForConditionalGeneration

    tiny.save_llava(tmp_path / "one")
    model = LlavaForConditionalGeneration.from_pretrained(tmp_path / "one")
    model.save_pretrained(tmp_path / "many", max_shard_size="20KB")
    assert len(list((tmp_path / "many").glob("*.safetensors"))) > 3
    found = open_weights(tmp_path / "many")
    assert found.keys() == {canonical(name) for name in model.state_dict()}
    assert {name: one.shape for name, one in found.items()} == {
        name: one.shape for name, one in open_weights(tmp_path / "one").items()
    }
    assert {part_of(name) for name in found} == {"vision", "projector", "language"}
    for name, value in model.state_dict().items():
        one = found[canonical(name)]
        assert np.array_equal(whole(one).reshape(one.shape), value.double().numpy())


@pytest.mark.parametrize("kind", ["bfloat16", "float16", "float32", "float64"])
def test_values_and_rounding_are_those_of_torch(kind: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    torch.manual_seed(0)
    values = torch.randn(300, 40, dtype=torch.float64) * 10.0 ** torch.randint(-9, 6, (300, 40))
    values[0, :4] = torch.tensor([float("inf"), -float("inf"), -0.0, 1 + 2.0**-8])
    stored = values.to(getattr(torch, kind))
    save_file({"a": stored}, tmp_path / "model.safetensors")
    one = open_weights(tmp_path)["a"]
    assert np.array_equal(whole(one), stored.double().numpy())
    assert np.array_equal(
        encoded(values.float().double().numpy(), one.kind), bits(values.float().to(stored.dtype))
    )


def bits(tensor) -> np.ndarray:
    import torch

    width = tensor.element_size()
    return tensor.view({2: torch.int16, 4: torch.int32, 8: torch.int64}[width]).numpy().view(f"<u{width}")


def whole(one: Tensor) -> np.ndarray:
    return one.values(Block(0, one.rows, 0, one.columns))


@pytest.mark.parametrize("shape", [(), (7,), (3, BLOCK + 5), (5, 4, 3), (6, 3, 2, 2)])
def test_blocks_cover_a_tensor_once(shape: tuple[int, ...], tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    values = np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)
    save_file({"a": values}, tmp_path / "model.safetensors")
    one = open_weights(tmp_path)["a"]
    read = np.full((one.rows, one.columns), np.nan)
    for block in one.blocks():
        place = read[block.top : block.bottom, block.left : block.right]
        assert np.isnan(place).all()
        assert place.size <= BLOCK
        place[:] = one.values(block)
    assert np.array_equal(read.reshape(shape), values)


def file_of(path: Path, header: object, content: bytes = b"", length: int | None = None) -> Path:
    written = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(written) if length is None else length) + written + content)
    return path


def entry(start: int, end: int, shape: list[int], kind: str = "F32") -> dict:
    return {"dtype": kind, "shape": shape, "data_offsets": [start, end]}


@pytest.mark.parametrize(
    ("header", "length", "said"),
    [
        ({}, 1 << 62, "header would be"),
        (b"[" * 5000, None, "not JSON"),
        (b"[1]", None, "no JSON object"),
        (b'{"a": 1, "a": 2}', None, "stands in it twice"),
        ({"a": entry(0, 16, [2, 3])}, None, "do not agree"),
        ({"a": entry(0, 8, [-1, -2])}, None, "do not agree"),
        ({"a": entry(0, 8, [1] * 100 + [2])}, None, "do not agree"),
        ({"a": entry(16, 8, [2])}, None, "do not agree"),
        ({"a": entry(0, 4000, [1000])}, None, "end at byte"),
        ({"a": entry(0, 8, [2]), "b": entry(4, 12, [2])}, None, "overlaps"),
        ({"a": entry(0, 4, [1]), "b": entry(8, 16, [2])}, None, "gap"),
        ({"a": entry(0, 16, [4], "F99")}, None, "not read"),
        ({"a": {"dtype": "F32"}}, None, "incomplete"),
        ({"a\u202e": entry(0, 16, [4])}, None, "cannot be printed"),
    ],
)
def test_a_hostile_header_is_refused_in_one_line(
    header: object, length: int | None, said: str, tmp_path: Path
) -> None:
    path = file_of(tmp_path / "model.safetensors", header, b"\0" * 16, length)
    with pytest.raises(AuditError, match=said) as refused:
        read_header(path)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


def test_a_file_that_was_cut_is_refused(tmp_path: Path) -> None:
    path = file_of(tmp_path / "model.safetensors", {"a": entry(0, 16, [4])}, b"\0" * 16)
    one = read_header(path)["a"]
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(AuditError, match="ends before"):
        whole(one)
    with pytest.raises(AuditError, match="end at byte"):
        read_header(path)


def test_pickles_are_refused_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(AuditError, match=r"pytorch_model\.bin is a pickle.*save_pretrained"):
        open_weights(tmp_path)
    with pytest.raises(AuditError, match="no such folder"):
        open_weights(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ({"a": "../model.safetensors"}, "not the name of a file in its folder"),
        ({"a": "/etc/passwd"}, "not the name of a file in its folder"),
        ({"a": 3}, "not the name of a file in its folder"),
        ({"a": ["x"]}, "not the name of a file in its folder"),
        ({"a": "gone.safetensors"}, "no such file"),
        ({"b": "shard.safetensors"}, "has no tensor 'b'"),
        ({}, "maps no tensor"),
        ({"a": "shard.safetensors", "model.a": "shard.safetensors"}, "has no tensor|two tensors"),
    ],
)
def test_an_index_names_files_of_its_folder_only(places: dict, said: str, tmp_path: Path) -> None:
    file_of(tmp_path / "shard.safetensors", {"a": entry(0, 4, [1])}, b"\0" * 4)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    with pytest.raises(AuditError, match=said):
        open_weights(tmp_path)


def test_two_spellings_of_one_tensor_are_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "m", {"model.norm.weight": [[1.0]], "norm.weight": [[1.0]]})
    with pytest.raises(AuditError, match=re.escape("two tensors are called language_model.norm.weight")):
        open_weights(tmp_path / "m")
