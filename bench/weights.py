"""What comparing the weights of two checkpoints costs, beside reading their bytes and the plain way in torch.

python bench/weights.py [--layers 12] [-o FILE]; prints Markdown. Makes two checkpoints and an adapter of
random bf16 values in the shapes of SmolVLM-500M, of whose language model's 32 layers as many are kept as the
option says (32: 2 GB on disk, removed at the end). The vision tower of the second is the first's, its other
tensors moved. Every way is a process of its own, from files that are not in the page cache; its peak memory
is what the system says of it, memory-mapped pages included.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

WIDE, INNER, KEYS, WORDS = 960, 2560, 320, 49280
TOWER, TOWER_INNER, TOWER_LAYERS, PLACES = 768, 3072, 12, 1024
RANK, ALPHA = 16, 32
LANGUAGE = "model.text_model.layers"
MATRICES = {
    "self_attn.q_proj": (WIDE, WIDE),
    "self_attn.k_proj": (KEYS, WIDE),
    "self_attn.v_proj": (KEYS, WIDE),
    "self_attn.o_proj": (WIDE, WIDE),
    "mlp.gate_proj": (INNER, WIDE),
    "mlp.up_proj": (INNER, WIDE),
    "mlp.down_proj": (WIDE, INNER),
}
# One matrix of each shape of the language model, whose singular values are also had the plain way.
SAMPLE = ("self_attn.q_proj", "self_attn.k_proj", "mlp.gate_proj", "mlp.down_proj")
SPECTRAL = ("relative_change", "spectral_change", "effective_rank_base", "effective_rank")


def shapes(layers: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the tensors by name."""
    tower = "model.vision_model"
    yield f"{tower}.embeddings.patch_embedding.weight", (TOWER, 3, 16, 16)
    yield f"{tower}.embeddings.position_embedding.weight", (PLACES, TOWER)
    for layer in range(TOWER_LAYERS):
        for one in ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj"):
            yield f"{tower}.encoder.layers.{layer}.{one}.weight", (TOWER, TOWER)
        yield f"{tower}.encoder.layers.{layer}.mlp.fc1.weight", (TOWER_INNER, TOWER)
        yield f"{tower}.encoder.layers.{layer}.mlp.fc2.weight", (TOWER, TOWER_INNER)
    yield "model.connector.modality_projection.proj.weight", (WIDE, 16 * TOWER)
    yield "model.text_model.embed_tokens.weight", (WORDS, WIDE)
    for layer in range(layers):
        yield f"{LANGUAGE}.{layer}.input_layernorm.weight", (WIDE,)
        for one, shape in MATRICES.items():
            yield f"{LANGUAGE}.{layer}.{one}.weight", shape
    yield "lm_head.weight", (WORDS, WIDE)


def write_all(folder: Path, layers: int) -> None:
    """Write the base model, the checkpoint and the adapter."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    entries = list(shapes(layers))
    half, n = sum(prod(shape) for _, shape in entries) / 2, 0
    shards: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
    for name, shape in entries:
        shards.setdefault(f"model-{1 + (n > half):05}-of-00002.safetensors", []).append((name, shape))
        n += prod(shape)
    for model in ("base", "sft"):
        (folder / model).mkdir()
        index = {"weight_map": {name: file for file, some in shards.items() for name, _ in some}}
        (folder / model / "model.safetensors.index.json").write_text(json.dumps(index))
    for file, some in shards.items():
        base = {name: torch.randn(shape).mul_(0.02).bfloat16() for name, shape in some}
        save_file(base, folder / "base" / file)
        for name, one in base.items():
            if "vision_model" not in name:
                one.add_(torch.randn(one.shape).mul_(0.001).bfloat16())
        save_file(base, folder / "sft" / file)
    adapter = {}
    for layer in range(layers):
        for one, (rows, columns) in MATRICES.items():
            place = f"base_model.model.{LANGUAGE}.{layer}.{one}"
            adapter[f"{place}.lora_A.weight"] = torch.randn(RANK, columns) * 0.02
            adapter[f"{place}.lora_B.weight"] = torch.randn(rows, RANK) * 0.02
    (folder / "lora").mkdir()
    save_file(adapter, folder / "lora" / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA}
    (folder / "lora" / "adapter_config.json").write_text(json.dumps(config))


def evict(folder: Path) -> int:
    """Drop the files of all models from the page cache; return their bytes."""
    size = 0
    for path in folder.rglob("*.safetensors"):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        size += path.stat().st_size
    return size


def read_bytes(folder: Path) -> dict:
    """Read every byte of both checkpoints, and do nothing with it."""
    buffer = bytearray(8 << 20)
    for model in ("base", "sft"):
        for path in sorted((folder / model).glob("*.safetensors")):
            with path.open("rb", buffering=0) as file:
                while file.readinto(buffer):
                    pass
    return {}


def streamed(folder: Path) -> dict:
    """Return every measure of every tensor, as the audit has them."""
    return _compared(folder, "sft")


def streamed_norms(folder: Path) -> dict:
    """Return norms and changes, but no singular values."""
    from sft_audit.record import weights

    weights.LONGEST_SIDE = 1  # no matrix is as small
    return _compared(folder, "sft")


def adapted(folder: Path) -> dict:
    """Return every measure of the base with its adapter."""
    return _compared(folder, "lora")


def _compared(folder: Path, checkpoint: str) -> dict:
    from sft_audit.models.checkpoint_files import open_weights
    from sft_audit.models.lora import open_checkpoint
    from sft_audit.record.weights import compare

    base = open_weights(folder / "base")
    rows = compare(base, open_checkpoint(folder / checkpoint, base))
    return {row["name"]: row for row in rows}


def torch_norms(folder: Path) -> dict:
    """Load both with safetensors; return norms of base and change, in float32."""
    base, after = _loaded(folder)
    return {name: _norms(one.float(), after[name].float()) for name, one in base.items()}


def torch_norms64(folder: Path) -> dict:
    """Return the same, in float64."""
    base, after = _loaded(folder)
    return {name: _norms(one.double(), after[name].double()) for name, one in base.items()}


def _loaded(folder: Path) -> list[dict]:
    from safetensors.torch import load_file

    return [
        {
            name: one
            for file in sorted((folder / model).glob("*.safetensors"))
            for name, one in load_file(file).items()
        }
        for model in ("base", "sft")
    ]


def _norms(before, after) -> dict:
    norm, change = float(before.norm()), float((after - before).norm())
    return {"norm": norm, "change": change, "relative_change": change / norm}


def torch_adapted(folder: Path) -> dict:
    """Load base and adapter; return norms of what the adapter changes, in float32."""
    from safetensors.torch import load_file

    base, adapter = _loaded(folder)[0], load_file(folder / "lora" / "adapter_model.safetensors")
    found = {}
    for name, small in adapter.items():
        if "lora_A" in name:
            module = name.removeprefix("base_model.model.").replace("lora_A.", "")
            change = ALPHA / RANK * (adapter[name.replace("lora_A", "lora_B")] @ small)
            norm = float(base[module].float().norm())
            found[module] = {"norm": norm, "relative_change": float(change.norm()) / norm}
    return found


def torch_svd(folder: Path) -> dict:
    """Return the spectral measures of a few matrices by numpy.linalg.svd in float32, with seconds."""
    base, after = _loaded(folder)
    found = {}
    for one in SAMPLE:
        name = f"{LANGUAGE}.0.{one}.weight"
        old, new = (some[name].float().numpy() for some in (base, after))
        started = time.perf_counter()
        spectra = [np.linalg.svd(matrix, compute_uv=False) for matrix in (old, new, new - old)]
        seconds = time.perf_counter() - started
        ranks = [_effective(values) for values in spectra]
        found[name] = {
            "relative_change": float(np.linalg.norm(new - old) / np.linalg.norm(old)),
            "spectral_change": float(spectra[2][0] / spectra[0][0]),
            "effective_rank_base": ranks[0],
            "effective_rank": ranks[1],
            "seconds": seconds,
        }
    return found


def streamed_svd(folder: Path) -> dict:
    """Return the same of the same matrices as the audit has them, and the seconds of each."""
    from sft_audit.models.checkpoint_files import open_weights
    from sft_audit.record.weights import compare

    base, after = open_weights(folder / "base"), open_weights(folder / "sft")
    found = {}
    for one in SAMPLE:
        name = f"{LANGUAGE}.0.{one}.weight"
        short = name.removeprefix("model.")
        started = time.perf_counter()
        (row,) = compare({short: base[short]}, {short: after[short]})
        found[name] = row | {"seconds": time.perf_counter() - started}
    return found


def _effective(values: np.ndarray) -> float:
    shares = values / values.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


WAYS: dict[str, tuple[str, Callable[[Path], dict]]] = {
    "cold": ("reading the bytes of both checkpoints, not in the page cache", read_bytes),
    "warm": ("reading them again, from the page cache", read_bytes),
    "norms": ("sft-audit, norms alone", streamed_norms),
    "all": ("sft-audit, every measure", streamed),
    "adapter": ("sft-audit, the adapter, every measure", adapted),
    "torch": ("safetensors and torch, norms alone, float32", torch_norms),
    "torch64": ("the same in float64", torch_norms64),
    "torch-adapter": ("safetensors and torch, the adapter's norms", torch_adapted),
    "sample": (f"sft-audit, every measure of {len(SAMPLE)} matrices", streamed_svd),
    "svd": (f"numpy.linalg.svd of the same {len(SAMPLE)} matrices, both checkpoints loaded", torch_svd),
}


def alone(folder: Path, way: str) -> dict:
    """Run one way in a process of its own; return its seconds, peak memory and figures."""
    if way != "warm":
        evict(folder)
    done = subprocess.run(  # noqa: PLW1510 - what went wrong is printed below
        [sys.executable, __file__, "--folder", str(folder), "--way", way], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def run_way(folder: Path, way: str) -> None:
    if "torch" in way or way == "svd":
        import safetensors.torch  # noqa: F401 - loading the library is not what is timed
    started = time.perf_counter()
    found = WAYS[way][1](folder)
    seconds = time.perf_counter() - started
    status = Path("/proc/self/status").read_text().split("VmHWM:")[1]  # ru_maxrss is the parent's at first
    peak = int(status.split()[0]) / 1024
    print(json.dumps({"seconds": seconds, "peak": peak, "found": found}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, default=12, help="of the language model")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("-o", type=Path)
    arguments = parser.parse_args()
    if arguments.way:
        run_way(arguments.folder, arguments.way)
        return
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_all(folder, arguments.layers)
        size = evict(folder) - (folder / "lora" / "adapter_model.safetensors").stat().st_size
        done = {way: alone(folder, way) for way in WAYS}
    n = sum(prod(shape) for _, shape in shapes(arguments.layers))
    text = "\n".join((*costs(done, size, n), "", *agreement(done), "", *spectra(done, arguments.layers)))
    if arguments.o:
        arguments.o.write_text(text + "\n", encoding="utf-8")
    print(text)


def costs(done: dict[str, dict], size: int, n: int) -> list[str]:
    """Return seconds, rate and peak memory, a line a way."""
    lines = [
        f"## Two checkpoints of {n / 1e6:,.0f} million bf16 values, {size / 1e9:.2f} GB together\n",
        "| way | seconds | MB/s | peak memory, MiB |",
        "|---|--:|--:|--:|",
    ]
    for way, (title, _) in WAYS.items():
        one = done[way]
        # An adapter is read over the base alone; of a few matrices no rate is told.
        read = {"sample": 0.0, "svd": 0.0, "adapter": size / 2, "torch-adapter": size / 2}.get(way, size)
        rate = f"{read / 1e6 / one['seconds']:,.0f}" if read else ""
        lines.append(f"| {title} | {one['seconds']:.1f} | {rate} | {one['peak']:,.0f} |")
    return lines


def agreement(done: dict[str, dict]) -> list[str]:
    """Return how far the figures of the two ways are apart."""
    lines = ["## Agreement\n", "| figures | tensors | largest relative difference |", "|---|--:|--:|"]
    for title, ours, theirs, measures in (
        ("norms, float32", "norms", "torch", ("norm", "change")),
        ("norms, float64", "norms", "torch64", ("norm", "change")),
        ("norms, the adapter", "adapter", "torch-adapter", ("norm", "relative_change")),
        ("spectral measures", "sample", "svd", SPECTRAL),
    ):
        found = {name.removeprefix("model."): row for name, row in done[ours]["found"].items()}
        other = {name.removeprefix("model."): row for name, row in done[theirs]["found"].items()}
        for measure in measures:
            pairs = [(found[name][measure], row[measure]) for name, row in other.items()]
            worst = max(abs(a - b) / b if b else abs(a) for a, b in pairs)
            lines.append(f"| {title}: {measure.replace('_', ' ')} | {len(pairs)} | {worst:.1e} |")
    return lines


def spectra(done: dict[str, dict], layers: int) -> list[str]:
    """Return what the singular values cost, matrix by matrix, and what all would."""
    lines = [
        "## Singular values of base, checkpoint and change\n",
        "| matrix | shape | sft-audit s | numpy.linalg.svd s | of its shape in the language model |",
        "|---|---|--:|--:|--:|",
    ]
    all_ours = all_theirs = 0.0
    for one in SAMPLE:
        name, shape = f"{LANGUAGE}.0.{one}.weight", MATRICES[one]
        many = layers * sum(other == shape for other in MATRICES.values())
        ours, theirs = (done[way]["found"][name]["seconds"] for way in ("sample", "svd"))
        all_ours, all_theirs = all_ours + many * ours, all_theirs + many * theirs
        lines.append(f"| {one} | {' x '.join(map(str, shape))} | {ours:.2f} | {theirs:.2f} | {many} |")
    told = f"{all_ours:.0f} s for sft-audit and {all_theirs:.0f} s for numpy.linalg.svd"
    return [
        *lines,
        "",
        f"At these rates the {7 * layers} matrices of the language model's layers take {told}.",
    ]


if __name__ == "__main__":
    main()
