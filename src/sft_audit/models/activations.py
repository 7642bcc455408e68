"""The activations of a model on one image: layers of its tower, its projector, layers of its decoder."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sft_audit.errors import AuditError
from sft_audit.models.dialogue import Tensors, images_only
from sft_audit.models.parts import Parts, layers_of
from sft_audit.models.probing import Features

TOKENS = 8  # kept of every image, evenly spaced


def activations(model: Any, parts: Parts, inputs: Tensors, where: str) -> list[Features]:  # noqa: ANN401
    """Return the activations on the image of one question.

    Layer 0 is what goes into the first layer, layer i what comes out of the i-th, before any final norm.
    The language model's are those at the image's positions.
    """
    import torch

    if not hasattr(model, "get_image_features") or getattr(model.config, "image_token_id", None) is None:
        raise AuditError(f"{where}: a {type(model).__name__} does not tell its image features")
    with torch.inference_mode():
        with _heard(layers_of(parts.vision, where)) as seen:
            projected = model.get_image_features(**images_only(inputs))
        with _heard(layers_of(parts.language, where)) as read:
            model.base_model(**inputs, use_cache=False)  # no logits are needed
    at_image = (inputs["input_ids"] == model.config.image_token_id).reshape(-1)
    return [
        *(_pooled(f"vision.{at}", _flat(one)) for at, one in enumerate(seen)),
        _pooled("projector", _flat(getattr(projected, "pooler_output", projected))),
        *(_pooled(f"language.{at}", _flat(one)[at_image]) for at, one in enumerate(read)),
    ]


@contextmanager
def _heard(layers: Sequence[Any]) -> Iterator[list[list[Any]]]:
    """Hear what goes into the first layer, and what comes out of each: a list with an item a call."""
    heard: list[list[Any]] = [[] for _ in range(len(layers) + 1)]

    def enters(_module: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:  # noqa: ANN401
        heard[0].append(given[0] if given else named["hidden_states"])

    def leaves(place: list[Any]) -> Any:  # noqa: ANN401
        def hook(_module: Any, _given: Any, made: Any) -> None:  # noqa: ANN401
            place.append(made[0] if isinstance(made, tuple) else made)

        return hook

    handles = [layers[0].register_forward_pre_hook(enters, with_kwargs=True)]
    handles += [
        layer.register_forward_hook(leaves(place)) for layer, place in zip(layers, heard[1:], strict=True)
    ]
    try:
        yield heard
    finally:
        for handle in handles:
            handle.remove()


def _flat(value: Any) -> Any:  # noqa: ANN401 - a tensor, or nested lists of tensors
    """Return everything as one tensor of shape (tokens, width)."""
    import torch

    if isinstance(value, list | tuple):
        return torch.cat([_flat(one) for one in value])
    return value.reshape(-1, value.shape[-1])


def _pooled(place: str, tokens: Any) -> Features:  # noqa: ANN401
    import torch

    tokens = tokens.float()
    chosen = torch.linspace(0, len(tokens) - 1, TOKENS).round().long().to(tokens.device)
    return Features(place, tokens.mean(0, keepdim=True).cpu().numpy(), tokens[chosen][None].cpu().numpy())
