"""When a behaviour could first have been seen to be paid for, and how its share went."""

from dataclasses import dataclass
from typing import Any

from sft_audit.change_detection import LevelDetector
from sft_audit.contrast.observed import Observed
from sft_audit.contrast.strata import half_width
from sft_audit.record.clusters import mean_interval

_ALPHA = 0.05
_EDGE = 0.1  # of the steps: the first and the last


@dataclass(frozen=True, slots=True)
class Trend:
    """The share of completions that show it over the first and last tenth of the steps, and the change."""

    first: float
    last: float
    change: float
    low: float
    high: float

    @property
    def fades(self) -> bool:
        """Return whether it plainly became rarer, or is gone."""
        return self.high < 0 or self.last == 0


def first_seen(observed: Observed, shown: Any, strata: Any, tried: int) -> int | None:  # noqa: ANN401 - arrays
    """Return the first step after which a bet on its being paid for has won enough; None where none has.

    Of every stratum with and without it the difference of the mean rewards, over the largest difference of
    rewards in the run, has a mean of 0 at most where it is not paid for. Evidence is enough for one who
    watches all `tried` features: their number over 0.05.
    """
    import numpy as np

    span = float(np.ptp(observed.reward)) if len(observed) else 0.0
    if not span:
        return None
    _, stratum, sizes = np.unique(strata, return_inverse=True, return_counts=True)
    n1 = np.bincount(stratum, shown, len(sizes))
    paid = np.bincount(stratum, observed.reward, len(sizes))
    paid1 = np.bincount(stratum, observed.reward * shown, len(sizes))
    tells = np.flatnonzero((n1 > 0) & (n1 < sizes))
    step = np.zeros(len(sizes), dtype=np.int64)
    step[stratum] = observed.step
    difference = paid1[tells] / n1[tells] - (paid - paid1)[tells] / (sizes - n1)[tells]
    detector = LevelDetector(0.5)
    for at in np.argsort(step[tells], kind="stable"):
        value = min(max((difference[at] / span + 1) / 2, 0.0), 1.0)
        if detector.take([value]) >= tried / _ALPHA:
            return int(step[tells][at])
    return None


def trend(observed: Observed, shown: Any) -> Trend:  # noqa: ANN401 - an array
    """Return how the share of completions that show it went; intervals are clustered by prompt."""
    import numpy as np

    steps = np.unique(observed.step)
    edge = max(1, round(_EDGE * len(steps)))
    early, late = observed.step <= steps[edge - 1], observed.step >= steps[-edge]
    first = mean_interval(shown[early].astype(float), observed.unit[early])
    last = mean_interval(shown[late].astype(float), observed.unit[late])
    half, change = half_width(first, last), last[0] - first[0]
    return Trend(first[0], last[0], change, change - half, change + half)
