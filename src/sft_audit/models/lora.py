"""A PEFT LoRA adapter opened over its base model: what it changes, from its two small matrices."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

from sft_audit.errors import AuditError
from sft_audit.models.checkpoint_files import by_canonical_name, canonical, open_weights, read_object
from sft_audit.models.safetensors_file import Array, Block, Tensor, read_header

_CONFIG, _WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_HEAD = "lm_head.weight"  # a base model does not store it where it is tied to the embedding
_LEGACY = "non_lora_trainables.bin"
_MATRIX = re.compile(r"^(.+)\.(lora_A|lora_B|lora_embedding_A|lora_embedding_B)(?:\.default)?(?:\.weight)?$")
_WRAPPERS = re.compile(r"\.(modules_to_save(\.default)?|base_layer)(?=\.)")
# Settings under which the model is not its base plus B A, each with what it is called.
_BEYOND = {
    "use_dora": "DoRA",
    "use_qalora": "QA-LoRA",
    "use_bdlora": "block-diagonal LoRA",
    "lora_bias": "LoRA with a bias of its own",
    "alora_invocation_tokens": "activated LoRA",
    "arrow_config": "routed LoRA",
    "kasa_config": "KaSA",
    "monteclora_config": "Monte Carlo LoRA",
    "layer_replication": "LoRA over replicated layers",
    "target_parameters": "LoRA of bare parameters",
    "trainable_token_indices": "LoRA with trainable tokens",
}
# Starts that also change the base's own weights, unless the adapter was converted when it was saved.
_CHANGING_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")
_PATTERN = re.compile(r"\^?[\w.\\-]*(?:\.\*[\w.\\-]*){0,2}\$?")
_LARGEST = 1e6  # of alpha
_CURE = "merge it (merge_and_unload), save the model and give that folder"


@dataclass(frozen=True, slots=True, eq=False)
class Adapted:
    """A matrix of the base model plus the product of `left` (rows, r) and `right` (r, columns), float64."""

    before: Tensor
    left: Array
    right: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape, that of the base's."""
        return self.before.shape

    def values(self, block: Block) -> Array:
        """Return a block (rows, columns) as float64."""
        return self.before.values(block) + self.change(block)

    def change(self, block: Block) -> Array:
        """Return a block (rows, columns) of what is added to the base's, as float64."""
        return self.left[block.top : block.bottom] @ self.right[:, block.left : block.right]

    def change_spectrum(self) -> Array:
        """Return the singular values of what is added, largest first, from the triangles of two QRs."""
        import numpy as np

        left: Array = np.linalg.qr(self.left, mode="r")
        right: Array = np.linalg.qr(self.right.T, mode="r")
        return np.linalg.svd(np.asarray(left @ right.T), compute_uv=False)


def open_checkpoint(folder: Path, base: Mapping[str, Tensor]) -> dict[str, Tensor | Adapted]:
    """Return the tensors of a model's folder, or those of the base model with the adapter in the folder.

    Raises AuditError where neither can be read, or the adapter is more than a product of two matrices.
    """
    if not (folder / _CONFIG).is_file():
        return dict(open_weights(folder))
    config = read_object(folder / _CONFIG)
    _refuse_beyond(folder, config)
    if not (folder / _WEIGHTS).is_file():
        raise AuditError(f"{folder}: no {_WEIGHTS}; save the adapter again with save_pretrained")
    if (folder / _LEGACY).is_file():
        raise AuditError(f"{folder}: {_LEGACY} is a pickle with more weights, and is not opened; {_CURE}")
    stored = read_header(folder / _WEIGHTS)
    pairs: dict[str, dict[str, Tensor]] = {}
    whole: dict[str, Tensor] = {}
    for name, tensor in stored.items():
        if found := _MATRIX.match(name):
            pairs.setdefault(found[1], {})[found[2]] = tensor
        else:
            whole[_WRAPPERS.sub("", name)] = tensor
    full = by_canonical_name(folder, whole)
    adapted = dict(_adapted(folder, config, base, module, pair) for module, pair in pairs.items())
    for name in (*full, *adapted):
        if name not in base and name != _HEAD:
            raise AuditError(
                f"{folder}: {name} is no tensor of the base model; give the base that it was made on"
            )
    for name in full.keys() & adapted.keys():  # PEFT saves an embedding that it adapts beside its matrices
        if not _repeats(full[name], base[name]):
            raise AuditError(f"{folder}: {name} is given in full and by two matrices; {_CURE}")
    return {**base, **full, **adapted}


def _refuse_beyond(folder: Path, config: Mapping[str, Any]) -> None:
    """Raise AuditError where the change is not the product of two matrices alone."""
    kind = config.get("peft_type")
    beyond = next((said for key, said in _BEYOND.items() if config.get(key)), None)
    if kind != "LORA" or beyond:
        said = beyond or f"a PEFT adapter of the type {str(kind)[:30]}"
        raise AuditError(f"{folder}: {said}, whose change is not that of two small matrices; {_CURE}")
    start = str(config.get("init_lora_weights", True)).lower()
    if start.startswith(_CHANGING_BASE):
        raise AuditError(
            f"{folder}: it began from {start[:30]}, which changes the base model's own weights too; {_CURE}"
        )


def _adapted(
    folder: Path,
    config: Mapping[str, Any],
    base: Mapping[str, Tensor],
    module: str,
    pair: Mapping[str, Tensor],
) -> tuple[str, Adapted]:
    """Return the canonical name and the changed tensor of one module."""
    name = canonical(f"{module}.weight")
    before = base.get(name)
    if before is None:
        raise AuditError(
            f"{folder}: {name} is no tensor of the base model; give the base that it was made on"
        )
    embedding = "lora_embedding_A" in pair
    small = pair.get("lora_embedding_A" if embedding else "lora_A")
    large = pair.get("lora_embedding_B" if embedding else "lora_B")
    if small is None or large is None or len(before.shape) != 2 or not before.is_number:
        raise AuditError(f"{folder}: {name} is not changed by two matrices of its own; {_CURE}")
    left, right = _whole(folder, large), _whole(folder, small)
    left = left * _scaling(folder, config, module.removeprefix("base_model.model."), len(right))
    if embedding or config.get("fan_in_fan_out"):
        left, right = right.T, left.T
    if left.shape[1] != right.shape[0] or (left.shape[0], right.shape[1]) != before.shape:
        raise AuditError(
            f"{folder}: its matrices for {name} make {left.shape[0]} x {right.shape[1]}, the base model's is "
            f"{before.shape[0]} x {before.shape[1]}; give the base that it was made on"
        )
    return name, Adapted(before, left, right)


def _whole(folder: Path, tensor: Tensor) -> Array:
    if len(tensor.shape) != 2 or not tensor.is_number:
        raise AuditError(f"{folder}: one of its matrices has the shape {tensor.shape}; {_CURE}")
    return tensor.values(Block(0, tensor.rows, 0, tensor.columns))


def _repeats(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors are the same bit by bit."""
    alike = (one.kind, one.shape) == (other.kind, other.shape)
    return alike and all((one.bits(block) == other.bits(block)).all() for block in one.blocks())


def _scaling(folder: Path, config: Mapping[str, Any], module: str, rank: int) -> float:
    """Return alpha / r, or alpha / sqrt(r) for rsLoRA (arXiv:2312.03732); r is the matrices' own."""
    alpha = config.get("lora_alpha", 8)
    patterns = config.get("alpha_pattern")
    for pattern, own in patterns.items() if isinstance(patterns, dict) else ():
        if not _PATTERN.fullmatch(pattern):  # others can be made to take for ever
            raise AuditError(f"{folder}: alpha_pattern: {pattern[:50]!r} is no name of modules; {_CURE}")
        if re.match(rf"(.*\.)?({pattern})$", module):
            alpha = own
            break
    if not isinstance(alpha, int | float) or not abs(alpha) < _LARGEST or not rank:
        raise AuditError(f"{folder}: lora_alpha is {alpha!r}, r {rank}; give the adapter's own {_CONFIG}")
    return float(alpha / (sqrt(rank) if config.get("use_rslora") else rank))
