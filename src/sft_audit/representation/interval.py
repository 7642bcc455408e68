"""A measured value with its 95 % interval over images."""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any

Array = Any  # numpy.ndarray


@dataclass(frozen=True, slots=True)
class Measured:
    """A value and the ends of its 95 % interval, over `n` images."""

    value: float
    low: float
    high: float
    n: int


def jackknifed(
    value: float, left_out: Array, there: Callable[[Any], Any], back: Callable[[Any], Any]
) -> Measured:
    """Return the value with its delete-one interval (Efron and Stein 1981), taken on the scale `there`.

    `left_out` of shape (n,) is the value without each of n images, or groups of them. A value at the end of
    its scale, as where nothing has changed, is known exactly.
    """
    import numpy as np
    from scipy.special import stdtrit

    n = len(left_out)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre, scattered = there(value), there(left_out)
    if not np.isfinite(centre) or not np.isfinite(scattered).all():
        return Measured(value, value, value, n)
    variance = (n - 1) / n * float(((scattered - scattered.mean()) ** 2).sum())
    half = float(stdtrit(n - 1, 0.975)) * sqrt(variance)
    return Measured(value, float(back(centre - half)), float(back(centre + half)), n)


def mean_measured(values: Array, *, least: float, most: float) -> Measured:
    """Return the mean of an image's values each, with Student's interval, cut at the ends of the scale."""
    from scipy.special import stdtrit

    n, value = len(values), float(values.mean())
    half = float(stdtrit(n - 1, 0.975)) * float(values.std(ddof=1)) / sqrt(n) if n > 1 else most - least
    return Measured(value, max(least, value - half), min(most, value + half), n)
