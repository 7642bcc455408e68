"""In how many directions features vary: a collapse leaves few."""

from typing import Any

from sft_audit.representation.interval import Measured, jackknifed

Array = Any  # numpy.ndarray
_GROUPS = 10


def effective_rank(gram: Array) -> float:
    """Return exp(H(s / sum s)) of the singular values s of centred features (Roy and Vetterli 2007).

    They are the roots of the eigenvalues of their Gram matrix (n, n); 0 where the features do not vary.
    """
    import numpy as np

    roots = np.sqrt(np.clip(np.linalg.eigvalsh(gram), 0, None))
    whole = roots.sum()
    shares = roots[roots > 0] / whole if whole > 0 else np.ones(0)
    return float(np.exp(-(shares * np.log(shares)).sum())) if len(shares) else 0.0


def rank_ratio(one: Array, other: Array) -> Measured:
    """Return the effective rank of `other` over that of `one`, from their Gram matrices (n, n).

    The interval is the jackknife over 10 groups of images, on the scale of logarithms.
    """
    import numpy as np

    n = len(one)
    ranks = effective_rank(one), effective_rank(other)
    value = ranks[1] / ranks[0] if ranks[0] else float("nan")
    if not value > 0:
        return Measured(value, value, value, n)
    group = np.arange(n) % min(_GROUPS, n)
    without = [
        effective_rank(_of(other, group != left)) / effective_rank(_of(one, group != left))
        for left in range(min(_GROUPS, n))
    ]
    found = jackknifed(value, np.array(without), np.log, np.exp)
    return Measured(found.value, found.low, found.high, n)


def _of(gram: Array, kept: Array) -> Array:
    """Return the Gram matrix of these images, centred on them."""
    part = gram[kept][:, kept]
    rows = part.mean(axis=0)
    return part - rows[:, None] - rows[None, :] + part.mean()
