"""The mean of a bounded variable, known better with every value, whenever one looks."""

from collections.abc import Sequence
from math import log, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

_STEPS = 1000  # of the grid of means: both ends lie on it, rounded outwards
_TRUNCATION = 0.5  # c in the source: no bet stakes more than this share of the capital


def confidence_sequence(values: "Sequence[float] | Floats", alpha: float = 0.05) -> "tuple[Floats, Floats]":
    """Return the ends of the interval after every value, shapes (n,): all hold together at 1 - alpha.

    The values lie in [0, 1], and each has the same mean given those before it. Against every mean m of a
    grid two gamblers bet, one that the values are larger, one that they are smaller, each with half of the
    money; m is out for good once one of them has turned it into 1 / alpha. The stakes are the predictable
    plug-in. Where low > high, the values have no such mean.

    Source: Waudby-Smith and Ramdas, arXiv:2010.09686, theorem 3 and equation 26 (hedged capital).
    """
    import numpy as np

    means = np.linspace(0, 1, _STEPS + 1)
    with np.errstate(divide="ignore"):
        most_up, most_down = _TRUNCATION / means, _TRUNCATION / (1 - means)
    up, down = np.zeros_like(means), np.zeros_like(means)  # logarithms of the capital of each
    enough = log(2 / alpha)
    stakes = _stakes(values, alpha)
    low, high = np.zeros(len(stakes)), np.ones(len(stakes))
    first, last = 0, _STEPS  # the means of the grid that are not out, and the one beyond each end
    for at, (value, stake) in enumerate(zip(values, stakes, strict=True)):
        left = slice(first, max(first, last) + 1)
        won = value - means[left]
        up[left] += np.log1p(np.minimum(stake, most_up[left]) * won)
        down[left] += np.log1p(-np.minimum(stake, most_down[left]) * won)
        # The larger m, the less is won by betting on more and the more by betting on less.
        first += max(int((up[left] >= enough).sum()) - 1, 0)
        last -= max(int((down[left] >= enough).sum()) - 1, 0)
        low[at], high[at] = means[first], means[last]
    return low, high


def _stakes(values: "Sequence[float] | Floats", alpha: float) -> "list[float]":
    """Return the stake on every value, from those before it alone."""
    stakes = []
    total, squares = 0.5, 0.25
    for t, value in enumerate(values, 1):
        if not 0 <= value <= 1:
            raise ValueError(f"value {t} is {value}, which is not in [0, 1]")
        # The variance estimate is squares / t: the t of the source's denominator cancels.
        stakes.append(sqrt(2 * log(2 / alpha) / (squares * log(t + 1))))
        total += value
        squares += (value - total / (t + 1)) ** 2
    return stakes
