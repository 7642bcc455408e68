"""How far one place of a model has drifted from the base model's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sft_audit.representation.cka import cka_interval, gram, unbiased_cka
from sft_audit.representation.cosine import mean_cosine
from sft_audit.representation.interval import Measured
from sft_audit.representation.rank import effective_rank, rank_ratio

Array = Any  # numpy.ndarray
# What is held against a measure where no benign run tells: below 0.70 CKA is far (no level is published), and
# so is a rank that collapsed. The cosine of what a projector follows may be anything.
FALLBACK: Mapping[str, float] = MappingProxyType({"cka": 0.7, "cka_tokens": 0.7, "rank_ratio": 0.7})
_MANY_RUNS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Activations at one place: `pooled` (images, width); `tokens` (images, k, width) where they are kept."""

    name: str
    pooled: Array
    tokens: Array | None = None


def drift(base: Place, other: Place) -> dict[str, Measured]:
    """Return each measure of likeness, 1 where nothing has changed; without those that the base leaves open.

    `cka` and `rank_ratio` are of the means over an image's tokens, `cka_tokens` of its tokens side by side,
    `cosine` of matched tokens, or of the means where no tokens are kept.
    """
    found = {"cosine": mean_cosine(*_finest(base, other))}
    for name, (one, another) in _grams(base, other).items():
        found[name] = cka_interval(one, another) if another.any() else _gone(len(one))
        if name == "cka":
            found["rank_ratio"] = rank_ratio(one, another)
    return found


def drift_values(base: Place, other: Place) -> dict[str, float]:
    """Return the values of `drift` without their intervals, which cost more."""
    found = {"cosine": mean_cosine(*_finest(base, other)).value}
    for name, (one, another) in _grams(base, other).items():
        found[name] = unbiased_cka(one, another) if another.any() else 0.0
        if name == "cka":
            found["rank_ratio"] = effective_rank(another) / effective_rank(one)
    return found


def null_low(values: Sequence[float]) -> float | None:
    """Return what benign runs stay above: their 5 % quantile, their least where they are fewer than 20."""
    import numpy as np

    if not values:
        return None
    return float(np.quantile(values, 0.05)) if len(values) >= _MANY_RUNS else float(min(values))


def is_beyond(measure: str, found: Measured, least: float | None) -> bool | None:
    """Return whether a measure is below what benign runs stay above, its interval with it.

    Without benign runs its value is held against the fallback; None where there is none.
    """
    if least is not None:
        return found.high < least
    return found.value < FALLBACK[measure] if measure in FALLBACK else None


def _finest(base: Place, other: Place) -> tuple[Array, Array]:
    if base.tokens is None or other.tokens is None:
        return base.pooled, other.pooled
    return base.tokens, other.tokens


def _grams(base: Place, other: Place) -> dict[str, tuple[Array, Array]]:
    """Return the Gram matrices by measure, where the base model's activations vary over the images."""
    pairs = {"cka": (gram(base.pooled), gram(other.pooled))}
    if base.tokens is not None and other.tokens is not None:
        pairs["cka_tokens"] = gram(base.tokens), gram(other.tokens)
    return {name: pair for name, pair in pairs.items() if pair[0].any()}


def _gone(n: int) -> Measured:
    return Measured(0.0, 0.0, 0.0, n)
