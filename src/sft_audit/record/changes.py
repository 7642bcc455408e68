"""What changed from the base model to the checkpoint: every measure of both, paired by probe."""

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass, replace
from math import inf, isfinite, sqrt
from typing import Any

from sft_audit.config import CheckpointConfig
from sft_audit.exact import mcnemar
from sft_audit.interval import wilson
from sft_audit.record import Recording, table_recorder
from sft_audit.record.clusters import benjamini_hochberg, sign_flip_p, t_half_width, z_value
from sft_audit.record.heard import hear, read_asked
from sft_audit.record.measures import Better, Measure, Unit, Units, all_measures
from sft_audit.record.tails import read_tails
from sft_audit.tables import TABLES

Array = Any
_ROUNDING = 1e-20  # of a variance: what the sums of equal shares differ by


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measure of one model with its 95 % interval; `influence` is what each unit adds to its error."""

    value: float
    low: float
    high: float
    influence: Array


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the table `changes`."""

    measure: str
    better: Better
    about: str
    n: int
    clusters: int
    sft: float
    sft_low: float
    sft_high: float
    method: str
    base: float | None = None
    base_low: float | None = None
    base_high: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    q: float | None = None


@table_recorder(fills=("changes",), needs=("probes", "responses", "answers"))
def changes(recording: Recording) -> None:
    """Measure base model and checkpoint on the probes that both answered, and test the difference."""
    import pyarrow as pa

    config, store = recording.config, recording.store
    if not isinstance(config, CheckpointConfig):
        raise TypeError("changes are those of a checkpoint: they need a CheckpointConfig")
    asked = read_asked(store)
    base, sft = (list(hear(store, model, asked)) for model in ("base", "sft"))
    found = [
        change
        for one in all_measures(read_tails(config.sft_audit))
        if (change := compare(one, one.units(base), one.units(sft))) is not None
    ]
    tested = [change for change in found if change.p is not None]
    q_values = benjamini_hochberg([change.p or 0.0 for change in tested])
    q_by_measure = {change.measure: q for change, q in zip(tested, q_values, strict=True)}
    rows = [_finite(asdict(replace(change, q=q_by_measure.get(change.measure)))) for change in found]
    store.insert("changes", pa.Table.from_pylist(rows, schema=TABLES["changes"].arrow_schema()))


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with null for an end of an interval that nothing bounds."""
    return {name: None if isinstance(v, float) and not isfinite(v) else v for name, v in row.items()}


def compare(measure: Measure, base: Units, sft: Units, intervals: int = 1) -> Change | None:
    """Return the measure of both models on the units that both have; of the checkpoint alone without any.

    A ratio's error is linearised and summed over clusters (Cochran 1977, section 6.4; Student's t); a share's
    interval is Wilson's at the sample size that the clusters are worth (Korn and Graubard 1998). Each is one
    of so many `intervals` that together hold at 95 % (Bonferroni). None where nothing was measured.
    """
    keys = sorted((key for key in sft if key in base), key=repr) or sorted(sft, key=repr)
    if not keys:
        return None
    clusters = _numbered([sft[key].cluster for key in keys])
    if not _is_above_zero([sft[key].denominator for key in keys], clusters, intervals):
        return None
    of_sft = _estimate(measure, [sft[key] for key in keys], clusters, intervals)
    change = Change(
        measure=measure.name,
        better=measure.better,
        about=measure.about,
        n=len(keys),
        clusters=int(clusters.max()) + 1,
        sft=of_sft.value,
        sft_low=of_sft.low,
        sft_high=of_sft.high,
        method="clustered by image",
    )
    if keys[0] not in base or not _is_above_zero(
        [base[key].denominator for key in keys], clusters, intervals
    ):
        return change
    of_base = _estimate(measure, [base[key] for key in keys], clusters, intervals)
    low, high, p = _difference(of_base, of_sft, clusters, intervals)
    method = "clustered by image"
    if measure.binary:
        won = [sft[key].numerator - base[key].numerator for key in keys]
        p, test = _paired_p(won, clusters)
        method = f"clustered by image; {test}"
    return replace(
        change,
        base=of_base.value,
        base_low=of_base.low,
        base_high=of_base.high,
        difference=of_sft.value - of_base.value,
        low=low,
        high=high,
        p=p,
        method=method,
    )


def _paired_p(won: Sequence[float], clusters: Array) -> tuple[float, str]:
    """Return the two-sided p-value of no difference between answers that are right or wrong, and its test.

    McNemar's exact test holds where every unit is a cluster of its own; else the signs of whole clusters are
    flipped.
    """
    import numpy as np

    if clusters.max() + 1 == len(clusters):
        return mcnemar(sum(one < 0 for one in won), sum(one > 0 for one in won)), "McNemar's exact test"
    gains = np.array(won)
    p = 2 * min(sign_flip_p(gains, clusters), sign_flip_p(-gains, clusters))
    return min(1.0, p), "signs of clusters flipped"


def _is_above_zero(denominators: Sequence[float], clusters: Array, intervals: int) -> bool:
    """Return whether denominators sum to more than 0; where some lie below, beyond their 95 % interval."""
    import numpy as np

    values = np.array(denominators)
    total, n = float(values.sum()), int(clusters.max()) + 1
    spread = _variance(values - total / len(values), clusters)
    return total > (float(t_half_width(n, spread, intervals)) if spread and values.min() < 0 else 0.0)


def _estimate(measure: Measure, units: Sequence[Unit], clusters: Array, intervals: int) -> Estimate:
    import numpy as np

    a = np.array([one.numerator for one in units], float)
    b = np.array([one.denominator for one in units], float)
    value = float(a.sum() / b.sum())
    influence = (a - value * b) / b.sum()
    n = int(clusters.max()) + 1
    variance = _variance(influence, clusters)
    if measure.share:
        worth = value * (1 - value) / variance if variance > _ROUNDING else n
        return Estimate(value, *wilson(value * worth, worth, z_value(intervals)), influence)
    half = float(t_half_width(n, variance, intervals)) if n > 1 else inf
    return Estimate(value, value - half, value + half, influence)


def _difference(base: Estimate, sft: Estimate, clusters: Array, intervals: int) -> tuple[float, float, float]:
    """Return the interval of checkpoint less base, and the p-value of no difference.

    Where all units differ alike, or none does, the interval is as wide as for no change seen in so many
    clusters (Wilson), and the p-value that of a sign test.
    """
    from scipy.special import stdtr

    influence = sft.influence - base.influence
    n, difference = int(clusters.max()) + 1, sft.value - base.value
    if not abs(influence).max() and (n > 1 or not difference):
        unseen = wilson(0, n, z_value(intervals))[1]
        return difference - unseen, difference + unseen, 2 * 0.5**n if difference else 1.0
    variance = _variance(influence, clusters)
    if n < 2 or not variance:
        # All changed alike, or there is but one cluster: either model's own interval is all that is known.
        return _newcombe(base, sft, difference, intervals)
    half = float(t_half_width(n, variance, intervals))
    p = 2 * float(stdtr(n - 1, -abs(difference) / sqrt(variance)))
    return difference - half, difference + half, p


def _newcombe(base: Estimate, sft: Estimate, difference: float, intervals: int) -> tuple[float, float, float]:
    """Return the interval of a difference from either's own (Newcombe 1998, method 10), and a p-value by it.

    The p-value is that of a normal whose interval is as wide on the side of 0.
    """
    from scipy.special import ndtr

    low = difference - sqrt((sft.value - sft.low) ** 2 + (base.high - base.value) ** 2)
    high = difference + sqrt((sft.high - sft.value) ** 2 + (base.value - base.low) ** 2)
    half = (difference - low) if difference > 0 else (high - difference)
    p = 2 * float(ndtr(-z_value(intervals) * abs(difference) / half)) if 0 < half < inf else 1.0
    return low, high, p


def _variance(influence: Array, clusters: Array) -> float:
    """Return the variance of an estimate whose error is the sum of these, independent between clusters."""
    import numpy as np

    sums = np.bincount(clusters, influence)
    n = len(sums)
    return n / (n - 1) * float((sums**2).sum()) if n > 1 else 0.0


def _numbered(clusters: Sequence[Hashable]) -> Array:
    """Return for every unit the number of its cluster, from 0."""
    import numpy as np

    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(one, len(numbers)) for one in clusters])
