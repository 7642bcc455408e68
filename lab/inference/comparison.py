"""Conditions beside clean: exact tests of counts, and differences seed by seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from scipy.special import bdtr
from scipy.stats import fisher_exact

from sft_audit.representation.interval import Measured, mean_measured

MARGIN = 0.05  # a share that much lower is still called not worse


class Worse(Enum):
    """What a difference of two shares says, held against a margin."""

    NO = "no"
    YES = "yes"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Paired:
    """The mean of a share's differences seed by seed, with Student's 95 % interval."""

    difference: Measured

    @property
    def worse(self) -> Worse:
        """Return whether the share is lower by more than the margin.

        Both ends of the interval are one-sided bounds of 97.5 %: no, where the lower is above minus the
        margin (non-inferiority); yes, where the upper is below it; else the seeds leave it open.
        """
        if self.difference.low > -MARGIN:
            return Worse.NO
        return Worse.YES if self.difference.high < -MARGIN else Worse.OPEN


def more_often(hacked: int, n: int, hacked_clean: int, n_clean: int) -> float:
    """Return Fisher's exact one-sided p-value that runs are hacked no more often than clean ones."""
    table = [[hacked, n - hacked], [hacked_clean, n_clean - hacked_clean]]
    return float(fisher_exact(table, alternative="greater").pvalue)


def more_often_by_seed(alone: int, clean_alone: int) -> float:
    """Return McNemar's exact one-sided p-value of as much from the seeds that tell (McNemar 1947).

    In `alone` seeds the run is hacked and clean's is not, in `clean_alone` the reverse; under no difference
    each is a fair coin.
    """
    return float(bdtr(clean_alone, alone + clean_alone, 0.5))


def holm(p_values: Sequence[float], tests: int = 0) -> list[float]:
    """Return the p-values adjusted so that the family's error rate holds (Holm 1979), in the order given.

    `tests`: the size of the family, where some of it are not made yet; they count as not rejected.
    """
    adjusted, worst = [0.0] * len(p_values), 0.0
    family = max(tests, len(p_values))
    for rank, at in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        worst = max(worst, min(1.0, (family - rank) * p_values[at]))
        adjusted[at] = worst
    return adjusted


def paired(ones: Sequence[float], others: Sequence[float]) -> Paired:
    """Return the differences, one less other, of two shares measured on the same seeds."""
    return Paired(mean_measured(np.subtract(ones, others), least=-1.0, most=1.0))
