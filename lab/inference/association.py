"""Rank correlation of what was seen before with how runs end: over all runs, and inside conditions."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

_DRAWS = 2000
Rho = Callable[[np.ndarray, np.ndarray, np.ndarray], float]


@dataclass(frozen=True, slots=True)
class Runs:
    """One figure seen before, one outcome, and the condition and seed of each run; all of one length."""

    seen: np.ndarray
    ended: np.ndarray
    conditions: np.ndarray
    seeds: np.ndarray

    def known(self) -> "Runs":
        """Return the runs of which both are numbers."""
        kept = ~(np.isnan(self.seen) | np.isnan(self.ended))
        return Runs(self.seen[kept], self.ended[kept], self.conditions[kept], self.seeds[kept])


@dataclass(frozen=True, slots=True)
class Association:
    """Spearman's rho with its 95 % bootstrap interval over seeds; nan where a side does not vary.

    `p` is the two-sided p-value of shuffling outcomes inside conditions, asked only of `within`.
    """

    rho: float
    low: float
    high: float
    n: int
    p: float = float("nan")


def across(runs: Runs) -> Association:
    """Return the correlation over all runs: what sets conditions apart is in it."""
    return _associate(runs.known(), _over_all)


def within(runs: Runs) -> Association:
    """Return the mean of the correlations inside the conditions in which both sides vary."""
    known = runs.known()
    found = _associate(known, _inside)
    return Association(found.rho, found.low, found.high, found.n, _shuffled(known, found.rho))


def _associate(runs: Runs, rho: Rho) -> Association:
    random = np.random.default_rng(0)
    by_seed = [np.flatnonzero(runs.seeds == seed) for seed in np.unique(runs.seeds)]
    drawn = []
    for _ in range(_DRAWS if len(by_seed) > 1 else 0):
        chosen = np.concatenate([by_seed[at] for at in random.integers(len(by_seed), size=len(by_seed))])
        drawn.append(rho(runs.seen[chosen], runs.ended[chosen], runs.conditions[chosen]))
    told = [one for one in drawn if not np.isnan(one)]
    low, high = np.quantile(told, [0.025, 0.975]) if told else (np.nan, np.nan)
    found = rho(runs.seen, runs.ended, runs.conditions)
    return Association(found, float(low), float(high), len(runs.seen))


def _over_all(seen: np.ndarray, ended: np.ndarray, conditions: np.ndarray) -> float:
    if len(seen) < 3 or np.ptp(seen) == 0 or np.ptp(ended) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(seen), rankdata(ended))[0, 1])


def _inside(seen: np.ndarray, ended: np.ndarray, conditions: np.ndarray) -> float:
    each = [
        _over_all(seen[conditions == one], ended[conditions == one], conditions)
        for one in np.unique(conditions)
    ]
    told = [one for one in each if not np.isnan(one)]
    return float(np.mean(told)) if told else float("nan")


def _shuffled(runs: Runs, rho: float) -> float:
    """Return how often outcomes shuffled inside conditions go as far with what was seen."""
    if np.isnan(rho):
        return float("nan")
    random = np.random.default_rng(1)
    places = [np.flatnonzero(runs.conditions == one) for one in np.unique(runs.conditions)]
    as_far = 0
    for _ in range(_DRAWS):
        ended = runs.ended.copy()
        for some in places:
            ended[some] = random.permutation(ended[some])
        as_far += abs(_inside(runs.seen, ended, runs.conditions)) >= abs(rho) - 1e-12
    return (1 + as_far) / (1 + _DRAWS)
