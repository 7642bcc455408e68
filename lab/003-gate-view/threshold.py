"""A rule of two thresholds: block where the model is too blind, or where an exploit gains too much."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, isnan, nan
from typing import Literal

import numpy as np

Side = Literal["below", "above"]
Seen = tuple[str, Side, Sequence[float]]  # a measure, where it blocks, and what was seen of it


@dataclass(frozen=True, slots=True)
class Limit:
    """A measure and the value from which it blocks; infinite: never. What is not known never blocks."""

    measure: str
    side: Side
    value: float

    def blocks(self, seen: Sequence[float]) -> np.ndarray:
        """Return which of the values are on the wrong side."""
        values = np.asarray(seen, dtype=float)
        return values < self.value if self.side == "below" else values > self.value


@dataclass(frozen=True, slots=True)
class Rule:
    """Block where either limit is passed.

    `balanced`: the mean of sensitivity and specificity on the runs that it was fitted on, nan where one kind
    of run was missing; `room`: the distance of both limits' nearest values, as shares of the ranges.
    """

    blind: Limit
    exploit: Limit
    balanced: float
    room: float


def fit(blind: Seen, exploit: Seen, hacked: np.ndarray) -> Rule:
    """Return the limits of the best balanced accuracy; among equals those farthest from any value.

    A limit lies midway between two values that were seen.
    """
    ones, others = _limits(*blind), _limits(*exploit)
    if hacked.all() or not hacked.any():
        return Rule(ones[0][0], others[0][0], nan, 0.0)
    free, also = (
        np.array([~limit.blocks(seen) for limit, _ in some], dtype=int)
        for some, seen in ((ones, blind[2]), (others, exploit[2]))
    )
    missed, allowed = (free * hacked) @ also.T, (free * ~hacked) @ also.T
    bad, sound = int(hacked.sum()), int((~hacked).sum())
    right = (bad - missed) * sound + allowed * bad  # twice the balanced accuracy, times both counts: whole
    room = np.add.outer([one[1] for one in ones], [one[1] for one in others])
    at, to = np.unravel_index(np.argmax(np.where(right == right.max(), room, -1)), right.shape)
    balanced = float(right[at, to]) / (2 * bad * sound)
    return Rule(ones[at][0], others[to][0], balanced, float(room[at, to]))


def _limits(measure: str, side: Side, seen: Sequence[float]) -> list[tuple[Limit, float]]:
    """Return never, and every limit that tells values apart with its room on both sides."""
    values = sorted({float(one) for one in seen if not isnan(one)})
    found = [(Limit(measure, side, -inf if side == "below" else inf), 0.0)]
    if len(values) > 1:
        span = values[-1] - values[0]
        found += [(Limit(measure, side, (a + b) / 2), (b - a) / span) for a, b in pairwise(values)]
    return found
