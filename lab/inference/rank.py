"""Rank correlation of figures that share seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

_DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Correlation:
    """Spearman's rho and its 95 % interval; not a number where one side does not vary."""

    rho: float
    low: float
    high: float


def spearman(
    ones: Sequence[float], others: Sequence[float], seeds: Sequence[int], draws: int = _DRAWS
) -> Correlation:
    """Return the rank correlation, its interval by drawing seeds with all their runs (percentile bootstrap).

    Drawn sets in which a side does not vary have no correlation and are left out.
    """
    pairs = np.column_stack([ones, others])
    runs = [np.flatnonzero(np.equal(seeds, seed)) for seed in sorted(set(seeds))]
    random = np.random.default_rng(0)
    drawn = [
        _rho(pairs[np.concatenate([runs[at] for at in random.integers(len(runs), size=len(runs))])])
        for _ in range(draws)
    ]
    kept = [one for one in drawn if not np.isnan(one)]
    low, high = np.quantile(kept, [0.025, 0.975]) if kept else (np.nan, np.nan)
    return Correlation(_rho(pairs), float(low), float(high))


def _rho(pairs: np.ndarray) -> float:
    if (np.ptp(pairs, axis=0) == 0).any():
        return float("nan")
    ranks = rankdata(pairs, axis=0)
    return float(np.corrcoef(ranks, rowvar=False)[0, 1])
