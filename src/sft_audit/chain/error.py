"""The error of a whole pipeline, with its interval, and which rate to mend first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sft_audit.chain.graph import Graph
from sft_audit.chain.outcome import Given, Outcome, outcome, unknown_correlations
from sft_audit.chain.rates import Rate, Side
from sft_audit.chain.snowball import Correlation, Estimate

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

DRAWS, GAIN_DRAWS = 10_000, 2_000
_STEP, _NOISE = 1e-5, 1e-9


@dataclass(frozen=True, slots=True)
class Gain:
    """What one rate costs: the derivative of the system's error by it, and how much less it is at half of it.

    `less_wrong` is the same fall for wrong answers delivered, where a run may also be stopped.
    """

    rate: str
    derivative: Estimate
    less: Estimate
    less_wrong: Estimate


@dataclass(frozen=True, slots=True)
class System:
    """The system under one assumption on the correlations that nobody states; the error is wrong + stopped.

    `stopped` is None where no run can be stopped. `first` names the rate to mend first, several where their
    intervals are not apart.
    """

    assuming: str
    error: Estimate
    wrong: Estimate
    stopped: Estimate | None
    gains: tuple[Gain, ...]
    first: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Naive:
    """The bound p^n: each of n hops right, none checked; p is the geometric mean of their right rates."""

    hops: int
    p: float
    error: Estimate


def system_errors(
    graph: Graph, rates: Mapping[str, Rate], correlations: Mapping[str, Correlation]
) -> tuple[System, ...]:
    """Return the error of the pipeline; at both ends, 0 and 1, of the correlations that nobody states.

    The error grows with every rate. So the lower end of its interval is the 2.5 % quantile over draws from
    the lower distributions of the rates, of which Clopper and Pearson's lower ends are that quantile, and the
    upper one is got alike. The parts of the error do not all grow with every rate: their intervals hold those
    of the lower, middle and upper distributions. Gains are drawn from the middle ones, Jeffreys' posteriors.
    """
    ends = {"independent": 0.0, "fully correlated": 1.0}
    if not unknown_correlations(graph, correlations):
        ends = {"as given": 0.0}
    return tuple(_system(graph, rates, correlations, name, end) for name, end in ends.items())


def naive(graph: Graph, rates: Mapping[str, Rate]) -> Naive:
    """Return the bound p^n of the pipeline's hops."""
    import numpy as np

    hops = graph.hops()

    def fails(drawn: "Mapping[str, Floats]") -> "Floats":
        return np.asarray(1 - np.prod([1 - drawn[hop] for hop in hops], axis=0))

    value = float(fails({name: np.array([rate.value]) for name, rate in rates.items()})[0])
    low = np.quantile(fails(_drawn(rates, "low", DRAWS)), 0.025)
    high = np.quantile(fails(_drawn(rates, "high", DRAWS)), 0.975)
    return Naive(len(hops), (1 - value) ** (1 / len(hops)), Estimate(value, float(low), float(high)))


def error_of(
    graph: Graph,
    rates: Mapping[str, Rate],
    correlations: Mapping[str, Correlation],
    unknown: float,
    draws: int = DRAWS,
) -> Estimate:
    """Return the error of the pipeline, where the correlations that nobody states are `unknown`."""
    import numpy as np

    ends: dict[Side, float] = {"low": 0.025, "high": 0.975}
    low, high = (
        float(np.quantile(_error(outcome(graph.pipeline, given)), level))
        for side, level in ends.items()
        for given in [_given(rates, correlations, unknown, side, draws)]
    )
    value = float(_error(outcome(graph.pipeline, _at(rates, correlations, unknown)))[0])
    return Estimate(value, low, high)


def _system(
    graph: Graph, rates: Mapping[str, Rate], correlations: Mapping[str, Correlation], name: str, end: float
) -> System:
    at = _at(rates, correlations, end)
    point = outcome(graph.pipeline, at)
    sides: tuple[Side, ...] = ("low", "middle", "high")
    drawn = [outcome(graph.pipeline, _given(rates, correlations, end, side, DRAWS)) for side in sides]
    few = _given(rates, correlations, end, "middle", GAIN_DRAWS)
    gains = [_gain(graph, one, at, few) for one in rates]
    gains.sort(key=lambda gain: (-gain.less.value, gain.rate))
    error, stops = error_of(graph, rates, correlations, end), bool(drawn[-1].stopped.any())
    return System(
        assuming=name,
        error=error,
        wrong=_estimate(point.wrong, *(one.wrong for one in drawn)) if stops else error,
        stopped=_estimate(point.stopped, *(one.stopped for one in drawn)) if stops else None,
        gains=tuple(gains),
        first=_first(gains),
    )


def _at(rates: Mapping[str, Rate], correlations: Mapping[str, Correlation], unknown: float) -> Given:
    """Return the measured values themselves."""
    import numpy as np

    return Given(
        {key: np.array([rate.value]) for key, rate in rates.items()},
        {key: np.array([one.estimate.value]) for key, one in correlations.items()},
        unknown,
    )


def _given(
    rates: Mapping[str, Rate],
    correlations: Mapping[str, Correlation],
    unknown: float,
    side: Side,
    draws: int,
) -> Given:
    """Return draws of everything that was measured."""
    import numpy as np

    u = np.random.default_rng(1).random((len(correlations), draws))
    drawn = {key: correlations[key].quantile(row) for key, row in zip(sorted(correlations), u, strict=True)}
    return Given(_drawn(rates, side, draws), drawn, unknown)


def _error(found: Outcome) -> "Floats":
    return 1 - found.right


def _drawn(rates: Mapping[str, Rate], side: Side, draws: int) -> "dict[str, Floats]":
    """Draw every rate, with the same seed on every side."""
    import numpy as np

    u = np.random.default_rng(0).random((len(rates), draws))
    return {name: rates[name].quantile(row, side) for name, row in zip(sorted(rates), u, strict=True)}


def _gain(graph: Graph, rate: str, at: Given, drawn: Given) -> Gain:
    """Return what one rate costs, at the measured rates and over draws of them all."""

    def of(measure: Callable[[Given], "Floats"]) -> Estimate:
        return _estimate(measure(at), measure(drawn))

    def slope(given: Given) -> "Floats":
        import numpy as np

        value = given.rates[rate]
        below, above = np.maximum(value - _STEP, 0), np.minimum(value + _STEP, 1)
        ends = [_error(_with(graph, given, rate, one)) for one in (below, above)]
        return np.asarray((ends[1] - ends[0]) / (above - below))

    def less(given: Given) -> "Floats":
        half = _with(graph, given, rate, given.rates[rate] / 2)
        return _error(outcome(graph.pipeline, given)) - _error(half)

    def less_wrong(given: Given) -> "Floats":
        half = _with(graph, given, rate, given.rates[rate] / 2)
        return outcome(graph.pipeline, given).wrong - half.wrong

    return Gain(rate, of(slope), of(less), of(less_wrong))


def _with(graph: Graph, given: Given, rate: str, value: "Floats") -> Outcome:
    return outcome(graph.pipeline, replace(given, rates={**given.rates, rate: value}))


def _estimate(value: "Floats", *drawn: "Floats") -> Estimate:
    """Return a value with the interval that holds those of all these draws."""
    import numpy as np

    # The value of few errors can lie beyond a quantile of the posterior; noise of rounding is none.
    point = float(value[0])
    low = min(point, *(float(np.quantile(one, 0.025)) for one in drawn))
    high = max(point, *(float(np.quantile(one, 0.975)) for one in drawn))
    return Estimate(*(0.0 if abs(end) < _NOISE else end for end in (point, low, high)))


def _first(gains: Sequence[Gain]) -> tuple[str, ...]:
    """Return the rate whose halving helps most, with all whose intervals are not below its own."""
    best = gains[0]
    if not best.less.value:
        return ()
    return (best.rate, *(one.rate for one in gains[1:] if one.less.high >= best.less.low))
