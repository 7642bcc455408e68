"""Intervals and tests for sums over clusters: the answers about one image are not independent."""

from collections.abc import Sequence
from math import sqrt

from sft_audit.record.grams import Array

_FLIPS, _MOST_BUNDLES = 1999, 1000


def t_half_width(clusters: int, variance: float) -> float:
    """Return the half-width of the 95 % interval of a mean with this variance (Student's t over clusters)."""
    from scipy.special import stdtrit

    quantile: float = stdtrit(clusters - 1, 0.975)
    return quantile * sqrt(variance)


def mean_interval(values: Array, clusters: Array) -> tuple[float, float, float]:
    """Return the mean of the values and its 95 % interval, clustered (Liang and Zeger 1986)."""
    import numpy as np

    mean = float(values.mean())
    _, group = np.unique(clusters, return_inverse=True)
    residual = np.bincount(group, values - mean)
    n = len(residual)
    if n < 2:
        return mean, float("-inf"), float("inf")
    half = t_half_width(n, n / (n - 1) * float((residual**2).sum()) / len(values) ** 2)
    return mean, mean - half, mean + half


def sign_flip_p(values: Array, clusters: Array) -> float:
    """Return the one-sided permutation p-value of a mean <= 0: the signs of whole clusters are flipped.

    More than 1,000 clusters are flipped in 1,000 bundles, which are independent as well.
    """
    import numpy as np

    _, group = np.unique(clusters, return_inverse=True)
    sums = np.bincount(group % _MOST_BUNDLES, values)
    if sums.sum() <= 0:
        return 1.0
    signs = np.random.default_rng(0).choice(np.array([-1.0, 1.0]), (_FLIPS, len(sums)))
    as_large = int((signs @ sums >= sums.sum() * (1 - 1e-12)).sum())
    return (1 + as_large) / (1 + _FLIPS)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return the q-values (Benjamini and Hochberg 1995)."""
    order = sorted(range(len(p_values)), key=lambda i: -p_values[i])
    q_values, least = [1.0] * len(p_values), 1.0
    for rank, i in enumerate(order):
        least = min(least, p_values[i] * len(p_values) / (len(p_values) - rank))
        q_values[i] = least
    return q_values
