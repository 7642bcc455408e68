"""The gradient of a loss, summed batch by batch, and what share each part of the model has in it."""

from dataclasses import dataclass, field
from typing import Any

from sft_audit.models.parts import Parts
from sft_audit.models.probing import PARTS, GradientShare, ModelPart


@dataclass(slots=True, eq=False)
class GradientSum:
    """The gradient of the rows added so far, by parameter name, in 32-bit floats; no `.grad` is touched."""

    parameters: dict[str, Any]
    sums: dict[str, Any] = field(default_factory=dict)
    n_tokens: int = 0
    n_rows: int = 0

    def add(self, loss: Any, n_tokens: int, n_rows: int) -> None:  # noqa: ANN401 - a tensor
        """Add the gradient of a loss summed over that many tokens; all of it or, on a fault, nothing."""
        import torch

        if not self.sums:
            self.sums = {
                name: torch.zeros_like(one, dtype=torch.float32, requires_grad=False)
                for name, one in self.parameters.items()
            }
        found = torch.autograd.grad(loss, list(self.parameters.values()), allow_unused=True)
        for total, one in zip(self.sums.values(), found, strict=True):
            if one is not None:
                total.add_(one)
        self.n_tokens += n_tokens
        self.n_rows += n_rows

    def settle(self) -> None:
        """Make the sum a mean over tokens, and free the device of it."""
        self.sums = {name: (one / self.n_tokens).cpu() for name, one in self.sums.items()}


def gradient_sum(model: Any) -> GradientSum:  # noqa: ANN401 - a torch module
    """Return an empty sum over the parameters that are not frozen."""
    return GradientSum({name: one for name, one in model.named_parameters() if one.requires_grad})


def gradient_shares(parts: Parts, image: GradientSum, text: GradientSum) -> list[GradientShare]:
    """Return what each part has of the gradients of image rows and of text-only rows."""
    return [_share(part, parts, image, text) for part in PARTS]


def _share(part: ModelPart, parts: Parts, image: GradientSum, text: GradientSum) -> GradientShare:
    names = [name for name in image.parameters if parts.part[name] == part]
    norms = [_dot(names, one, one) if names and one.n_rows else None for one in (image, text)]
    image_norm, text_norm = (None if one is None else one**0.5 for one in norms)
    cosine = None
    if image_norm and text_norm:
        cosine = _dot(names, image, text) / (image_norm * text_norm)
    return GradientShare(part, image_norm, text_norm, cosine, image.n_rows, text.n_rows)


def _dot(names: list[str], one: GradientSum, other: GradientSum) -> float:
    import torch

    pairs = ((one.sums[name].flatten(), other.sums[name].flatten()) for name in names)
    return sum(float(torch.dot(left.double(), right.double())) for left, right in pairs)
