"""The weight report: what moved and by how much, of full checkpoints and of adapters, in little memory."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import duckdb
import numpy as np
import pytest

from sft_audit.errors import AuditError
from sft_audit.example import ANSWERS, TINY_WEIGHTS, nudged
from sft_audit.models.checkpoint_files import open_weights
from sft_audit.models.safetensors_file import BLOCK
from sft_audit.record.spectrum import effective_rank
from sft_audit.record.weights import compare
from sft_audit.session import Report, audit_checkpoint
from sft_audit.store import write_json
from sft_audit.testing import write_model

pytestmark = pytest.mark.filterwarnings("ignore")

MEASURES = (
    "relative_change",
    "spectral_change",
    "effective_rank_base",
    "effective_rank",
    "effective_rank_of_change",
)
VISION, PROJECTOR, LANGUAGE = TINY_WEIGHTS


def audited(folder: Path, base: Path, checkpoint: Path, **options: object) -> Report:
    write_json(folder / "probes.json", ANSWERS)
    out = folder / f"audit-{checkpoint.name}"
    select = ("CKP101", "CKP102", "CKP103")
    return audit_checkpoint(base, checkpoint, folder / "probes.json", out=out, select=select, **options)


def table(report: Report, name: str, key: str) -> dict[str, dict]:
    with duckdb.connect(str(report.folder / "audit.duckdb"), read_only=True) as db:
        return {row[key]: row for row in db.sql(f"select * from {name}").to_arrow_table().to_pylist()}


def save(folder: Path, tensors: Mapping[str, object]) -> Path:
    from safetensors.torch import save_file

    folder.mkdir()
    save_file({name: one.clone() for name, one in tensors.items()}, folder / "model.safetensors")
    return folder


def state(report: Report, code: str) -> str:
    return next((e["state"] for e in report.evidence if e["check"] == code), "not asked")


def of_svd(before: np.ndarray, after: np.ndarray) -> dict[str, float]:
    old, new, change = (np.linalg.svd(one, compute_uv=False) for one in (before, after, after - before))
    return {
        "relative_change": np.sqrt((change**2).sum() / (old**2).sum()),
        "spectral_change": change[0] / old[0],
        "effective_rank_base": effective_rank(old),
        "effective_rank": effective_rank(new),
        "effective_rank_of_change": effective_rank(change),
    }


@pytest.mark.parametrize("shape", [(40, 90), (90, 40), (64, 64), (30, 3, 5, 5)])
def test_measures_are_those_of_a_singular_value_decomposition(shape: tuple[int, ...], tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    before = torch.randn(shape, dtype=torch.float64)
    after = before + 0.3 * torch.randn(shape, dtype=torch.float64)
    base = save(tmp_path / "base", {"norm.weight": before, "layers.0.bias": before[0].reshape(-1)})
    sft = save(tmp_path / "sft", {"norm.weight": after, "layers.0.bias": after[0].reshape(-1)})
    rows = table(audited(tmp_path, base, sft), "weights", "name")
    matrix = rows["language_model.norm.weight"]
    flat = (len(before), -1)
    expected = of_svd(before.reshape(flat).numpy(), after.reshape(flat).numpy())
    assert {name: matrix[name] for name in expected} == pytest.approx(expected, rel=1e-6)
    assert matrix["shape"] == " x ".join(map(str, shape))
    vector = rows["language_model.layers.0.bias"]
    assert vector["relative_change"] == pytest.approx(float((after[0] - before[0]).norm() / before[0].norm()))
    assert [vector[name] for name in MEASURES[1:]] == [None] * 4


def test_rounding_alone_is_no_change(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    wide = {f"layers.{at}.weight": torch.randn(30, 50) for at in range(3)}
    base = save(tmp_path / "base", wide)
    narrow = {name: one.bfloat16() for name, one in wide.items()}
    sft = save(tmp_path / "sft", {**narrow, "layers.1.weight": narrow["layers.1.weight"].float()})
    report = audited(tmp_path, base, sft, trained=["language"])
    rows = table(report, "weights", "depth")
    assert [(row["identical"], row["rounded"]) for row in rows.values()] == [(True, "BF16")] * 3
    assert 0 < rows[0]["relative_change"] < 2**-8
    assert report.counts == {"CKP102": 1}
    narrow["layers.2.weight"][-1, -1] += 1
    moved = table(audited(tmp_path, base, save(tmp_path / "other", narrow)), "weights", "depth")
    assert [row["identical"] for row in moved.values()] == [True, True, False]
    assert moved[2]["effective_rank_of_change"] == pytest.approx(1.0)


@pytest.mark.parametrize("place", [(0, 0), (1, -1)])
def test_one_value_of_many_blocks_is_seen(place: tuple[int, int], tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    values = torch.ones(2, BLOCK)
    values[place] = 1 + 2.0**-20
    base = open_weights(save(tmp_path / "base", {"a": torch.ones(2, BLOCK)}))
    [row] = compare(base, dict(open_weights(save(tmp_path / "sft", {"a": values}))))
    assert (row["identical"], row["rounded"]) == (False, None)
    assert row["relative_change"] == pytest.approx(2.0**-20 / (2 * BLOCK) ** 0.5, rel=1e-6)


def test_only_what_was_to_stay_frozen_is_a_fault(tmp_path: Path) -> None:
    write_model(tmp_path / "base", TINY_WEIGHTS)
    write_model(tmp_path / "sft", nudged(VISION))
    declared = audited(tmp_path, tmp_path / "base", tmp_path / "sft", trained=["vision", "language"])
    assert declared.counts == {"CKP102": 1}
    parts = table(declared, "weight_parts", "part")
    assert {name: (row["meant"], row["identical"], row["tensors"]) for name, row in parts.items()} == {
        "vision": ("train", 0, 1),
        "projector": ("frozen", 1, 1),
        "language": ("train", 1, 1),
    }
    assert parts["vision"]["relative_change"] == pytest.approx(0.01, rel=1e-5)
    assert parts["vision"]["largest_layer"] == "vision_tower.layers.0"
    assert parts["language"]["largest_layer"] is None
    unknown = audited(tmp_path, tmp_path / "base", tmp_path / "sft")
    assert unknown.counts == {}
    assert {row["meant"] for row in table(unknown, "weight_parts", "part").values()} == {"unknown"}
    assert [state(unknown, code) for code in ("CKP101", "CKP102", "CKP103")] == [
        "not asked",
        "not asked",
        "gathered",
    ]


def test_tensors_of_one_model_or_of_two_shapes_are_told_apart(tmp_path: Path) -> None:
    write_model(tmp_path / "base", TINY_WEIGHTS)
    grown = {**TINY_WEIGHTS, LANGUAGE: [*TINY_WEIGHTS[LANGUAGE], [0.0] * 6], "lm_head.weight": [[1.0]]}
    del grown[VISION]
    write_model(tmp_path / "sft", grown)
    report = audited(tmp_path, tmp_path / "base", tmp_path / "sft", trained=["projector"])
    rows = table(report, "weights", "name")
    assert {name: row["present"] for name, row in rows.items()} == {
        VISION: "base",
        PROJECTOR: "both",
        LANGUAGE: "reshaped",
        "lm_head.weight": "checkpoint",
    }
    messages = report.findings.column("message").to_pylist()
    assert any("language was to stay frozen" in one and "another shape" in one for one in messages)
    assert not any("vision" in one for one in messages)


def test_types_that_are_no_numbers_are_compared_bit_by_bit(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    packed = torch.arange(100, dtype=torch.uint8).reshape(10, 10)
    eighth = torch.randn(4, 4).to(torch.float8_e4m3fn)
    broken = torch.full((4, 4), float("nan"))
    base = save(
        tmp_path / "base", {"a": packed, "b": packed + 2, "c": eighth, "d": torch.ones(4, 4), "e": broken}
    )
    sft = save(tmp_path / "sft", {"a": packed, "b": packed + 1, "c": eighth, "d": broken, "e": broken})
    rows = table(audited(tmp_path, base, sft), "weights", "name")
    assert [rows[name]["identical"] for name in "abcde"] == [True, False, True, False, True]
    assert {rows[name][one] for name in "abcde" for one in MEASURES} == {None}


def test_models_that_have_nothing_in_common_are_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "base", {"a": [[1.0]]})
    write_model(tmp_path / "sft", {"b": [[1.0]]})
    with pytest.raises(AuditError, match="no tensor is called as one of"):
        audited(tmp_path, tmp_path / "base", tmp_path / "sft")
    with pytest.raises(AuditError, match="no tensor of the part 'vision'"):
        audited(tmp_path, tmp_path / "base", tmp_path / "base", trained=["vision"])


PEAK = """
import json, sys
from pathlib import Path
from sft_audit.models.checkpoint_files import open_weights
from sft_audit.models.lora import open_checkpoint
from sft_audit.record.weights import compare

def kib(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(field)))

small, base, sft = map(Path, sys.argv[1:])
list(compare(open_weights(small), open_weights(small)))
import scipy.linalg.blas
Path("/proc/self/clear_refs").write_text("5")
before = kib("VmRSS")
weights = open_weights(base)
rows = list(compare(weights, open_checkpoint(sft, weights)))
print(json.dumps([1024 * (kib("VmHWM") - before), len(rows), rows[0]["effective_rank"]]))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks are read from Linux's /proc")
@pytest.mark.parametrize("kind", ["full", "adapter"])
def test_memory_stays_under_the_largest_pair_of_tensors(kind: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    embedding = torch.randn(65_536, 512).bfloat16()
    square = torch.randn(512, 512).bfloat16()
    name = "model.embed_tokens.weight"
    base = save(tmp_path / "base", {name: embedding, "model.layers.0.mlp.up_proj.weight": square})
    pair = 2 * embedding.numel() * embedding.element_size()
    if kind == "full":
        sft = save(
            tmp_path / "sft", {name: embedding * 1.1, "model.layers.0.mlp.up_proj.weight": square * 1.1}
        )
    else:
        prefix = "base_model.model.model.embed_tokens.lora_embedding"
        sft = save(
            tmp_path / "sft", {f"{prefix}_A": torch.randn(8, 65_536), f"{prefix}_B": torch.randn(512, 8)}
        )
        (sft / "model.safetensors").rename(sft / "adapter_model.safetensors")
        (sft / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 8, "lora_alpha": 16}))
    write_model(tmp_path / "small", TINY_WEIGHTS)
    run = [sys.executable, "-c", PEAK, tmp_path / "small", base, sft]
    peak, tensors, rank = json.loads(subprocess.run(run, capture_output=True, text=True, check=True).stdout)
    assert (tensors, rank > 8) == (2, True)
    assert pair == 128 << 20
    assert peak < 1.2 * pair
    print(f"{kind}: peak {peak / 2**20:.0f} MiB, {peak / pair:.2f} of the largest pair")
