"""What changed from the base model to the checkpoint: every measure of both, paired by probe."""

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass, replace
from math import inf, sqrt
from typing import Any

from sft_audit.config import CheckpointConfig
from sft_audit.exact import mcnemar
from sft_audit.interval import wilson
from sft_audit.record import Recording, table_recorder
from sft_audit.record.clusters import benjamini_hochberg, t_half_width
from sft_audit.record.heard import hear, read_asked
from sft_audit.record.measures import Better, Measure, Unit, Units, all_measures
from sft_audit.record.tails import read_tails
from sft_audit.tables import TABLES

Array = Any


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
    rows = [asdict(replace(change, q=q_by_measure.get(change.measure))) for change in found]
    store.insert("changes", pa.Table.from_pylist(rows, schema=TABLES["changes"].arrow_schema()))


def compare(measure: Measure, base: Units, sft: Units) -> Change | None:
    """Return the measure of both models on the units that both have; of the checkpoint alone without any.

    A ratio's error is linearised and summed over clusters (Cochran 1977, section 6.4; Student's t); a share's
    interval is Wilson's at the sample size that the clusters are worth (Korn and Graubard 1998). None where
    nothing was measured.
    """
    keys = sorted((key for key in sft if key in base), key=repr) or sorted(sft, key=repr)
    if not keys or not sum(sft[key].denominator for key in keys):
        return None
    clusters = _numbered([sft[key].cluster for key in keys])
    of_sft = _estimate(measure, [sft[key] for key in keys], clusters)
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
    if keys[0] not in base or not sum(base[key].denominator for key in keys):
        return change
    of_base = _estimate(measure, [base[key] for key in keys], clusters)
    low, high, p = _difference(of_base, of_sft, clusters)
    if measure.binary:
        lost = sum(base[key].numerator > sft[key].numerator for key in keys)
        won = sum(base[key].numerator < sft[key].numerator for key in keys)
        p = mcnemar(lost, won)
    return replace(
        change,
        base=of_base.value,
        base_low=of_base.low,
        base_high=of_base.high,
        difference=of_sft.value - of_base.value,
        low=low,
        high=high,
        p=p,
        method="clustered by image; McNemar's exact test" if measure.binary else "clustered by image",
    )


def _estimate(measure: Measure, units: Sequence[Unit], clusters: Array) -> Estimate:
    import numpy as np

    a = np.array([one.numerator for one in units], float)
    b = np.array([one.denominator for one in units], float)
    value = float(a.sum() / b.sum())
    influence = (a - value * b) / b.sum()
    n = int(clusters.max()) + 1
    variance = _variance(influence, clusters)
    if measure.share:
        worth = value * (1 - value) / variance if variance else n
        return Estimate(value, *wilson(value * worth, worth), influence)
    half = float(t_half_width(n, variance)) if n > 1 else inf
    return Estimate(value, value - half, value + half, influence)


def _difference(base: Estimate, sft: Estimate, clusters: Array) -> tuple[float, float, float]:
    """Return the interval of checkpoint less base, and the p-value of no difference.

    Where all units differ alike, or none does, the interval is as wide as for no change seen in so many
    clusters (Wilson), and the p-value that of a sign test.
    """
    from scipy.special import stdtr

    influence = sft.influence - base.influence
    n, difference = int(clusters.max()) + 1, sft.value - base.value
    if not abs(influence).max() and (n > 1 or not difference):
        unseen = wilson(0, n)[1]
        return difference - unseen, difference + unseen, 2 * 0.5**n if difference else 1.0
    variance = _variance(influence, clusters)
    if n < 2 or not variance:
        return -inf, inf, 1.0
    half = float(t_half_width(n, variance))
    p = 2 * float(stdtr(n - 1, -abs(difference) / sqrt(variance)))
    return difference - half, difference + half, p


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
