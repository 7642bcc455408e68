"""The parts of a vision-language model: the vision tower, the projector after it, and the language model."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sft_audit.errors import AuditError
from sft_audit.models.probing import PARTS, ModelPart

# Asked before the tower: a Qwen's merger lies inside its tower.
PROJECTOR = re.compile(
    r"(^|\.)(multi_modal_projector|mm_projector|connector|merger|deepstack_merger_list|mlp1|aligner"
    r"|vision_language_adapter|embed_vision|image_newline|view_separator)(\.|$)"
)


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The tower and the decoder as modules, and the part of every parameter by its name."""

    vision: Any
    language: Any
    part: Mapping[str, ModelPart]

    def parameters(self, model: Any) -> dict[ModelPart, int]:  # noqa: ANN401 - a torch module
        """Return the number of parameters of each part; tied ones count once."""
        counts: dict[ModelPart, int] = dict.fromkeys(PARTS, 0)
        for name, parameter in model.named_parameters():
            counts[self.part[name]] += parameter.numel()
        return counts


def parts_of(model: Any, where: str) -> Parts:  # noqa: ANN401
    """Find the parts of a model of `transformers`; raise AuditError where it has no tower or no decoder."""
    tower, decoder = model.get_encoder(modality="image"), model.get_decoder()
    whole = (None, model, model.base_model)  # what the library answers where it finds nothing
    for found, what in ((tower, "vision tower"), (decoder, "language model")):
        if any(found is one for one in whole):
            raise AuditError(
                f"{where}: no {what} is found in a {type(model).__name__}; its parts cannot be told"
            )
    prefix = next(name for name, module in model.named_modules() if module is tower) + "."
    return Parts(tower, decoder, {name: _part(name, prefix) for name, _ in model.named_parameters()})


def layers_of(module: Any, where: str) -> list[Any]:  # noqa: ANN401
    """Return the layers of a tower or decoder in order: its shallowest list of modules, the longest one."""
    from torch.nn import ModuleList

    lists = [
        (name.count("."), -len(found), found)
        for name, found in module.named_modules()
        if isinstance(found, ModuleList) and len(found) and not PROJECTOR.search(name)
    ]
    if not lists:
        raise AuditError(
            f"{where}: a {type(module).__name__} has no list of layers; its activations cannot be read"
        )
    return list(min(lists, key=lambda one: one[:2])[2])


def _part(name: str, tower: str) -> ModelPart:
    if PROJECTOR.search(name):
        return "projector"
    return "vision" if name.startswith(tower) else "language"
