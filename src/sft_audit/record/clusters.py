"""Intervals and tests for sums over clusters: the answers about one image are not independent."""

from collections.abc import Sequence
from math import sqrt

from sft_audit.interval import Z95, wilson
from sft_audit.record.grams import Array

_FLIPS, _MOST_BUNDLES = 1999, 1000
_BENTKUS = 3.179  # 1 / (4 P(N >= sqrt 2))


def t_half_width(clusters: int, variance: float, intervals: int = 1) -> float:
    """Return the half-width of the 95 % interval of a mean with this variance (Student's t over clusters).

    It is one of so many `intervals` that together hold at 95 % (Bonferroni).
    """
    from scipy.special import stdtrit

    quantile: float = stdtrit(clusters - 1, 1 - 0.025 / intervals)
    return quantile * sqrt(variance)


def z_value(intervals: int = 1) -> float:
    """Return the normal quantile of one of so many intervals that together hold at 95 % (Bonferroni)."""
    from scipy.special import ndtri

    return Z95 if intervals == 1 else float(ndtri(1 - 0.025 / intervals))


def fieller(
    numerators: Array, denominators: Array, clusters: Array, intervals: int = 1
) -> tuple[float, float, float] | None:
    """Return a ratio of sums and its 95 % interval, clustered (Fieller 1954; Student's t over clusters).

    It is one of so many `intervals`, as in `t_half_width`. None where the interval of the denominator holds
    0: then the ratio is not bounded. Where no cluster departs from the ratio, it is as wide as for no
    departure seen in so many clusters (Wilson).
    """
    import numpy as np

    _, group = np.unique(clusters, return_inverse=True)
    n = int(group.max()) + 1 if len(group) else 0
    if n < 2:
        return None
    a, b = (np.bincount(group, values) for values in (numerators, denominators))
    total_a, total_b = float(a.sum()), float(b.sum())
    squares = np.cov(a, b) * n * t_half_width(n, 1.0, intervals) ** 2
    within = total_b**2 - float(squares[1, 1])
    if within <= 0 or total_b <= 0:
        return None
    ratio = total_a / total_b
    middle = (total_a * total_b - float(squares[0, 1])) / within
    half = sqrt(max(0.0, middle**2 - (total_a**2 - float(squares[0, 0])) / within))
    if np.abs(a - ratio * b).max() < 1e-9:
        half = wilson(0, n, z_value(intervals))[1] * len(group) / total_b
        return ratio, ratio - half, ratio + half
    return ratio, middle - half, middle + half


def mean_interval(values: Array, clusters: Array, intervals: int = 1) -> tuple[float, float, float]:
    """Return the mean of the values and its 95 % interval, clustered (Liang and Zeger 1986).

    It is one of so many `intervals`, as in `t_half_width`.
    """
    import numpy as np

    mean = float(values.mean())
    _, group = np.unique(clusters, return_inverse=True)
    residual = np.bincount(group, values - mean)
    n = len(residual)
    if n < 2:
        return mean, float("-inf"), float("inf")
    half = t_half_width(n, n / (n - 1) * float((residual**2).sum()) / len(values) ** 2, intervals)
    return mean, mean - half, mean + half


def sign_flip_p(values: Array, clusters: Array) -> float:
    """Return the one-sided permutation p-value of a mean <= 0: the signs of whole clusters are flipped.

    More than 1,000 clusters are flipped in 1,000 bundles, which are independent as well. Where none of 1,999
    flips gives as much, p is the bound of all flips by a normal tail (Bentkus and Dzindzalieta 2015, theorem
    1.1): the flips alone end at 1/2000, with which no one leak is found among a hundred tests.
    """
    import numpy as np
    from scipy.special import ndtr

    _, group = np.unique(clusters, return_inverse=True)
    sums = np.bincount(group % _MOST_BUNDLES, values)
    if sums.sum() <= 0:
        return 1.0
    signs = np.random.default_rng(0).choice(np.array([-1.0, 1.0]), (_FLIPS, len(sums)))
    as_large = int((signs @ sums >= sums.sum() * (1 - 1e-12)).sum())
    bound = _BENTKUS * float(ndtr(-sums.sum() / np.sqrt((sums**2).sum())))
    return (1 + as_large) / (1 + _FLIPS) if as_large else min(bound, 1 / (1 + _FLIPS))


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return the q-values (Benjamini and Hochberg 1995)."""
    order = sorted(range(len(p_values)), key=lambda i: -p_values[i])
    q_values, least = [1.0] * len(p_values), 1.0
    for rank, i in enumerate(order):
        least = min(least, p_values[i] * len(p_values) / (len(p_values) - rank))
        q_values[i] = least
    return q_values
