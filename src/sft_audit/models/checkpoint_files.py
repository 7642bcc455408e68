"""The weights in a model's folder: canonical names, parts, and where each tensor lies."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sft_audit.errors import AuditError
from sft_audit.models.parts import PROJECTOR
from sft_audit.models.probing import ModelPart
from sft_audit.models.safetensors_file import Tensor, read_header

_ONE, _INDEX = "model.safetensors", "model.safetensors.index.json"
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_VISION = re.compile(r"(^|\.)(visual|vision_tower|vision_model|vision_encoder|image_tower)\.")
_LAYER = re.compile(r"^(.*?(?:^|\.)(?:layers?|blocks|resblocks|h)\.(\d+))\.")
# What the same tensor is called by wrappers, in memory and on disk, and by the model's own code.
_SPELLINGS = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"^(_orig_mod\.|module\.)+", ""),
        (r"^base_model\.model\.", ""),
        (r"^model\.", ""),
        (r"^vision_tower\.(vision_tower\.)?(vision_model\.)?", "vision_tower."),
        (r"^(language_model|text_model)\.lm_head\.", "lm_head."),
        (r"^(language_model|text_model)\.model\.", r"\1."),
        (r"^(layers|embed_tokens|norm)\.", r"language_model.\1."),
        (r"^mm_projector\.0\.", "multi_modal_projector.linear_1."),
        (r"^mm_projector\.2\.", "multi_modal_projector.linear_2."),
    )
)


def canonical(name: str) -> str:
    """Return a tensor's name without what differs between disk and memory, wrappers and versions."""
    for pattern, spelling in _SPELLINGS:
        name = pattern.sub(spelling, name)
    return name


def part_of(name: str) -> ModelPart:
    """Return the part of the model that a tensor belongs to: language, if neither vision nor projector."""
    if PROJECTOR.search(name):  # first: Qwen's lies within the vision tower
        return "projector"
    return "vision" if _VISION.search(name) else "language"


def layer_of(name: str) -> tuple[str, int | None]:
    """Return the layer that a tensor belongs to, and its number; outside of layers its module and None."""
    found = _LAYER.match(name)
    return (found[1], int(found[2])) if found else (name.rpartition(".")[0] or name, None)


def open_weights(folder: Path) -> dict[str, Tensor]:
    """Return the tensors of a model's folder by canonical name: one file, or shards by their index.

    Raises AuditError where there are none in safetensors, or a file is missing or unsound.
    """
    if (folder / _INDEX).is_file():
        tensors = _indexed(folder)
    elif (folder / _ONE).is_file():
        tensors = read_header(folder / _ONE)
    else:
        raise _no_weights(folder)
    return by_canonical_name(folder, tensors)


def by_canonical_name(folder: Path, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors by canonical name; raise AuditError where two have the same."""
    found: dict[str, Tensor] = {}
    for name, one in tensors.items():
        if found.setdefault(canonical(name), one) is not one:
            raise AuditError(f"{folder}: two tensors are called {canonical(name)}; save the model again")
    return found


def read_object(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; raise AuditError where there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise AuditError(f"{path}: {(fault.strerror or str(fault)).lower()}; give the whole folder") from None
    except (ValueError, RecursionError) as fault:
        raise AuditError(f"{path}: not JSON: {str(fault)[:100]}; download or save it again") from None
    if not isinstance(content, dict):
        raise AuditError(f"{path}: not a JSON object; download or save it again")
    return content


def _indexed(folder: Path) -> dict[str, Tensor]:
    """Return the tensors of all shards, each from the file that the index names."""
    path = folder / _INDEX
    match read_object(path):
        case {"weight_map": dict(places)} if places:
            files = list(places.values())
        case _:
            raise AuditError(f"{path}: it maps no tensor to a file; download or save it again")
    headers: dict[str, dict[str, Tensor]] = {}
    for file in files:
        if not isinstance(file, str) or file in ("", ".", "..") or re.search(r"[/\\:\0]", file):
            raise AuditError(
                f"{path}: {file!r} is not the name of a file in its folder; save the model again"
            )
        if file not in headers:
            headers[file] = read_header(folder / file)
    for name, file in places.items():
        if name not in headers[file]:
            raise AuditError(f"{path}: {file} has no tensor {name[:200]!r}; download or save it again")
    return {name: headers[file][name] for name, file in places.items()}


def _no_weights(folder: Path) -> AuditError:
    if not folder.is_dir():
        return AuditError(f"{folder}: no such folder; give the folder of a model")
    pickles = sorted(path.name for kind in _PICKLES for path in folder.glob(kind))
    if pickles:
        return AuditError(
            f"{folder}: {pickles[0]} is a pickle, which can run code and is not opened; load it where you "
            "trust it and save it again with save_pretrained, which writes safetensors"
        )
    return AuditError(f"{folder}: no {_ONE} and no {_INDEX}; give the folder of a model")
