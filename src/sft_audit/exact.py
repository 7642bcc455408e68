"""Exact intervals and tests of counts."""

from math import comb


def clopper_pearson(k: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a share, k successes in n trials (Clopper and Pearson 1934)."""
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    low = float(betaincinv(k, n - k + 1, tail)) if k else 0.0
    high = float(betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0
    return low, high


def mcnemar(b: int, c: int) -> float:
    """Return the exact two-sided p-value of McNemar's test (1947), from the pairs that went either way.

    `b` pairs changed in one direction and `c` in the other; under no difference each is a fair coin.
    """
    from scipy.special import bdtr

    return min(1.0, 2 * float(bdtr(min(b, c), b + c, 0.5)))


def pass_at_k(n: int, c: int, k: int) -> float:
    """Return the unbiased estimate that one of k completions is right, c of n drawn being so; k <= n.

    Source: Chen et al. 2021, arXiv:2107.03374, section 2.1.
    """
    if not 0 < k <= n or not 0 <= c <= n:
        raise ValueError(f"pass@{k} of {c} right among {n}: it takes 1 <= k <= n and 0 <= c <= n")
    return (comb(n, k) - comb(n - c, k)) / comb(n, k)
