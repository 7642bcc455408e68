"""Rank correlation of what was seen before with how runs end: over all runs, and inside conditions."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from inference.redrawn import redrawn

_SHUFFLES = 20_000  # so many that Holm's least p of 170 tests can be far below 0.05


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

    No interval (nan) of fewer than 8 seeds. `lost`: how many of the draws have no rho, a side being constant
    in them; the interval is of the others. `p` is the two-sided p-value of shuffling outcomes inside
    conditions, asked only of `within`.
    """

    rho: float
    low: float
    high: float
    n: int
    lost: int = 0
    p: float = float("nan")


def across(runs: Runs) -> Association:
    """Return the correlation over all runs: what sets conditions apart is in it."""
    known = runs.known()
    return _associate(known, lambda weights: _rhos(known.seen, known.ended, weights))


def within(runs: Runs) -> Association:
    """Return the mean of the correlations inside the conditions in which both sides vary."""
    known = runs.known()
    found = _associate(known, lambda weights: _inside(known, weights))
    return replace(found, p=_shuffled(known, found.rho))


def _associate(runs: Runs, rhos: Callable[[np.ndarray], np.ndarray]) -> Association:
    found = float(rhos(np.ones((1, len(runs.seen))))[0])
    drawn = rhos(redrawn(runs.seeds))
    told = drawn[~np.isnan(drawn)]
    low, high = np.quantile(told, [0.025, 0.975]) if len(told) else (np.nan, np.nan)
    return Association(found, float(low), float(high), len(runs.seen), len(drawn) - len(told))


def _rhos(seen: np.ndarray, ended: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return rho for each row of how often each run counts; nan where a side does not vary."""
    n = weights.sum(axis=1)
    one, other = (_midranks(side, weights) - (n[:, None] + 1) / 2 for side in (seen, ended))
    spread = (weights * one**2).sum(axis=1) * (weights * other**2).sum(axis=1)
    found = np.full(len(weights), np.nan)
    told = (n >= 3) & (spread > 0)
    np.divide((weights * one * other).sum(axis=1), np.sqrt(spread), out=found, where=told)
    return found


def _midranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return each value's rank among those that count, equal ones sharing theirs, for each row."""
    below = np.less.outer(values, values) + np.equal.outer(values, values) / 2
    ranks: np.ndarray = weights @ below + 0.5
    return ranks


def _inside(runs: Runs, weights: np.ndarray) -> np.ndarray:
    each = [_rhos(runs.seen[here], runs.ended[here], weights[:, here]) for here in _places(runs)]
    rhos = np.array(each).reshape(len(each), len(weights))
    told = ~np.isnan(rhos)
    found = np.full(len(weights), np.nan)
    np.divide(np.where(told, rhos, 0).sum(axis=0), told.sum(axis=0), out=found, where=told.any(axis=0))
    return found


def _places(runs: Runs) -> list[np.ndarray]:
    return [np.flatnonzero(runs.conditions == one) for one in np.unique(runs.conditions)]


def _shuffled(runs: Runs, rho: float) -> float:
    """Return how often outcomes shuffled inside conditions go as far with what was seen."""
    if np.isnan(rho):
        return float("nan")
    random = np.random.default_rng(1)
    total, varied = np.zeros(_SHUFFLES), 0
    for here in _places(runs):
        one, other = _standard(runs.seen[here]), _standard(runs.ended[here])
        if one is not None and other is not None:
            total += random.permuted(np.tile(other, (_SHUFFLES, 1)), axis=1) @ one
            varied += 1
    as_far = int((np.abs(total / varied) >= abs(rho) - 1e-12).sum())
    return (1 + as_far) / (1 + _SHUFFLES)


def _standard(values: np.ndarray) -> np.ndarray | None:
    """Return the ranks, less their mean, of length 1: their product is rho; None where they do not vary."""
    ranks = _midranks(values, np.ones(len(values)))
    ranks -= ranks.mean() if len(ranks) else 0.0
    length = float(np.sqrt((ranks**2).sum()))
    return ranks / length if length and len(values) >= 3 else None
