"""What whole trajectories tell that single steps do not: whether errors come together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sft_audit.chain.graph import Graph
from sft_audit.chain.rates import Counted, Rate, bounds
from sft_audit.chain.trajectories import Step, Trajectories, ballots, items

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

RESAMPLES = 2000
_FEWEST_ITEMS = 10
_FEWEST_DOUBLES = 5  # trajectories with two errors or more


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Snowball:
    """The trajectories of which every step of a known stage is judged, against their stages taken singly.

    Several votes on one item are one step, the majority's. `expected` is the mean over trajectories of the
    product of their stages' right rates as logged; `alone` is the same with the rates that the graph gives,
    None where it gives none for some stage or a stage votes. `ratio` and `ratio_alone` are the share of
    wholly right trajectories divided by them. `after_wrong` is how many times as often a step is wrong after
    a wrong one as after right ones alone (Mantel and Haenszel 1959, a stratum a stage); None where either
    never happens.
    """

    whole: Counted
    left_out: int
    expected: float
    ratio: Estimate | None
    alone: float | None
    ratio_alone: Estimate | None
    after_wrong: Estimate | None


def measure_snowball(seen: Trajectories, graph: Graph, given: Mapping[str, Rate]) -> Snowball | None:
    """Compare whole trajectories with their steps; None where no trajectory is wholly judged.

    Intervals are percentiles of a bootstrap over trajectories; `given` are the rates of stages that were
    measured elsewhere, which vary with their own distributions.
    """
    kept = [known for steps in seen.runs.values() if (known := items(steps, graph))]
    voted = {step.stage for known in kept for step, votes in known if votes > 1}
    runs = [[step for step, _ in known] for known in kept]
    judged = [run for run in runs if all(step.right is not None for step in run)]
    if not judged:
        return None
    import numpy as np

    stages = sorted({step.stage for run in judged for step in run})
    kinds, sizes = np.unique([_counts(run, stages) for run in judged], axis=0, return_counts=True)
    rng = np.random.default_rng(0)
    n = len(judged)
    # The trajectories themselves come first, then as many resamples of them.
    weights = np.vstack([sizes, rng.multinomial(n, sizes / n, RESAMPLES)]).astype(float)
    steps, wrong = kinds.sum(axis=2)[..., 0], kinds.sum(axis=2)[..., 1]
    right = weights @ (wrong.sum(axis=1) == 0)
    whole = Counted(int(right[0]), n, n, f"{n:,} trajectories")
    single = 1 - (weights @ wrong) / np.maximum(weights @ steps, 1)
    expected = _products(single, steps, weights)
    doubles = int(weights[0] @ (wrong.sum(axis=1) > 1))
    alone = None
    if all(name in given and name not in voted for name in stages):
        u = rng.random((len(stages), RESAMPLES))
        rates = [
            [given[name].value, *given[name].quantile(row, "middle")]
            for name, row in zip(stages, u, strict=True)
        ]
        alone = _products(1 - np.array(rates).T, steps, weights)
    return Snowball(
        whole=whole,
        left_out=len(runs) - n,
        expected=float(expected[0]),
        ratio=_ratio(whole, doubles, right / n, expected),
        alone=None if alone is None else float(alone[0]),
        ratio_alone=None if alone is None else _ratio(whole, doubles, right / n, alone),
        after_wrong=_after_wrong(np.tensordot(weights, kinds, 1)),
    )


def _counts(run: Sequence[Step], stages: Sequence[str]) -> "Floats":
    """Return steps and errors of each stage, after right steps alone and after a wrong one.

    Shape (stages, 2, 2). Steps that share a number are not after one another.
    """
    import numpy as np

    counts = np.zeros((len(stages), 2, 2))
    before, fell, now = False, False, run[0].step
    for step in run:
        if step.step > now:
            before, now = fell, step.step
        counts[stages.index(step.stage), int(before)] += (1, not step.right)
        fell = fell or not step.right
    return counts


def _products(single: "Floats", steps: "Floats", weights: "Floats") -> "Floats":
    """Return, for each resample, the mean over its trajectories of the product of their steps' right rates.

    `single`: (resamples, stages); `steps`: (kinds, stages); `weights`: (resamples, kinds).
    """
    import numpy as np

    products = np.exp(np.log(np.maximum(single, 1e-300)) @ steps.T)
    return np.asarray((products * weights).sum(axis=1) / weights.sum(axis=1))


def _ratio(whole: Counted, doubles: int, shares: "Floats", products: "Floats") -> Estimate | None:
    """Return share / product with its interval.

    It is the share's exact one where no or every trajectory is right, and where hardly any has two errors:
    no resample has what was not seen.
    """
    import numpy as np

    if products[0] < 1e-12:
        return None
    value = float(shares[0] / products[0])
    if not 0 < whole.k < whole.n or doubles < _FEWEST_DOUBLES:
        low, high = bounds(whole)
        return Estimate(value, low / float(products[0]), high / float(products[0]))
    low, high = np.percentile(shares[1:] / np.maximum(products[1:], 1e-300), [2.5, 97.5])
    return Estimate(value, float(low), float(high))


def _after_wrong(sums: "Floats") -> Estimate | None:
    """Return the relative risk of an error after an error; `sums`: (resamples, stages, after, counts)."""
    import numpy as np

    n0, k0, n1, k1 = (sums[:, :, after, count] for after in (0, 1) for count in (0, 1))
    total = np.maximum(n0 + n1, 1)
    top, bottom = (k1 * n0 / total).sum(axis=1), (k0 * n1 / total).sum(axis=1)
    if not top[0] or not bottom[0]:
        return None
    drawn = top[bottom > 0] / bottom[bottom > 0]
    if len(drawn) < 0.98 * len(bottom):
        return None
    low, high = np.percentile(drawn[1:], [2.5, 97.5])
    return Estimate(float(drawn[0]), float(low), float(high))


@dataclass(frozen=True, slots=True)
class Correlation:
    """The correlation of two votes on one item being wrong, with its bootstrap draws in order."""

    estimate: Estimate
    items: int
    drawn: tuple[float, ...]

    def quantile(self, u: "Floats") -> "Floats":
        """Return the quantiles of the draws at u, same shape."""
        import numpy as np

        return np.quantile(self.drawn, u)


def measure_correlation(seen: Trajectories, stage: str) -> Correlation | None:
    """Return the intraclass correlation of the votes of a stage; None below 10 items or where all are alike.

    The analysis of variance estimator (Donner 1986, Int. Stat. Rev. 54), cut to [0, 1]; its interval is the
    percentiles of a bootstrap over items.
    """
    import numpy as np

    found = ballots(seen, stage)
    if len(found) < _FEWEST_ITEMS:
        return None
    votes = np.array(found, dtype=float)
    rows = np.random.default_rng(0).integers(0, len(votes), (RESAMPLES, len(votes)))
    value, *drawn = _intraclass(np.concatenate([votes[None], votes[rows]]))
    if np.isnan(value):
        return None
    kept = np.sort([one for one in drawn if not np.isnan(one)])
    low, high = np.quantile(kept, [0.025, 0.975])
    estimate = Estimate(float(value), float(low), float(high))
    return Correlation(estimate, len(votes), tuple(kept.tolist()))


def _intraclass(votes: "Floats") -> "Floats":
    """Return the correlation within items from (wrong, votes); nan where all are alike.

    Shape (resamples, items, 2) gives (resamples,).
    """
    import numpy as np

    wrong, sizes = votes[..., 0], votes[..., 1]
    items, total = votes.shape[1], sizes.sum(axis=1)
    mean = wrong.sum(axis=1) / total
    between = (sizes * (wrong / sizes - mean[:, None]) ** 2).sum(axis=1) / (items - 1)
    within = (wrong * (1 - wrong / sizes)).sum(axis=1) / (total - items)
    size = (total - (sizes**2).sum(axis=1) / total) / (items - 1)
    spread = between + (size - 1) * within
    ratio = (between - within) / np.where(spread > 0, spread, np.nan)
    return np.asarray(np.where((mean == 0) | (mean == 1), np.nan, np.clip(ratio, 0, 1)))
