"""Logistic regression of hacked on log10 of the dose: the dose that hacks half of the runs (ED50)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, inf, log, log1p, log10, nan, tanh

import numpy as np
from scipy.optimize import brentq, minimize

_STEEPEST = 1e7  # a slope, per tenfold dose, that cannot be told from a step
_FAR = 6.0  # tenfold doses; an end of an interval further away than that is none
_HALF_CHI2 = 1.920729410347062  # half of chi-square's 95 % point, 1 degree of freedom


@dataclass(frozen=True, slots=True)
class Dose:
    """`hacked` of `runs` at a dose above 0."""

    dose: float
    hacked: int
    runs: int


@dataclass(frozen=True, slots=True)
class DoseResponse:
    """The ED50, in the dose's unit, with its 95 % profile-likelihood interval (0, infinity: no such end).

    `slope` is that of the logit per tenfold dose, at least 0: more dose is not taken to hack fewer runs.
    Where no run is hacked below some dose and every run above it (the data are separated; at that dose
    itself both may occur), the likelihood rises with the slope without end: `slope` is then infinite, `ed50`
    not a number, and `bracket` holds the doses that it lies between: the highest at which at most half, and
    the lowest at which at least half of the runs are hacked (0, infinity: there is none). The interval needs
    no such care: the profile over slopes from 0 to a step is bounded. Where hacking does not rise with the
    dose there is no ED50 (`slope` 0).
    """

    ed50: float
    low: float
    high: float
    slope: float
    bracket: tuple[float, float] | None = None

    def share(self, dose: float) -> float:
        """Return the share of runs hacked at a dose by the curve; only where there is an ED50."""
        return _sigmoid(self.slope * log10(dose / self.ed50))


@dataclass(frozen=True, slots=True)
class _Counts:
    """Counts by dose, rising; `at` is its log10."""

    doses: tuple[float, ...]
    at: tuple[float, ...]
    hacked: tuple[int, ...]
    runs: tuple[int, ...]

    @classmethod
    def of(cls, doses: Sequence[Dose]) -> "_Counts":
        rising = sorted((one for one in doses if one.runs), key=lambda one: one.dose)
        return cls(
            tuple(one.dose for one in rising),
            tuple(log10(one.dose) for one in rising),
            tuple(one.hacked for one in rising),
            tuple(one.runs for one in rising),
        )

    @property
    def shares(self) -> list[float]:
        return [k / n for k, n in zip(self.hacked, self.runs, strict=True)]

    @property
    def separated(self) -> bool:
        """Return whether no run is hacked below some dose, and every run above it."""
        mixed = [share for share in self.shares if 0 < share < 1]
        return len(mixed) <= 1 and self.shares == sorted(self.shares)

    def likelihood(self, shares: Sequence[float]) -> float:
        """Return the log-likelihood of a share for each dose, which may be 0 or 1 where the count is."""
        counted = zip(self.hacked, self.runs, shares, strict=True)
        return sum(
            (k * log(p) if k else 0.0) + ((n - k) * log1p(-p) if n > k else 0.0) for k, n, p in counted
        )

    def profile(self, middle: float) -> float:
        """Return the greatest log-likelihood of an ED50 (log10), over slopes from 0 to a step."""
        away = [x - middle for x in self.at]
        counted = list(zip(away, self.hacked, self.runs, strict=True))

        def rise(slope: float) -> float:
            return sum(z * (k - n * _sigmoid(slope * z)) for z, k, n in counted)

        if rise(0.0) <= 0:
            best = 0.0
        elif rise(_STEEPEST) >= 0:
            best = _STEEPEST
        else:
            best = float(brentq(rise, 0.0, _STEEPEST))
        return sum(k * _log_sigmoid(best * z) + (n - k) * _log_sigmoid(-best * z) for z, k, n in counted)


def dose_response(doses: Sequence[Dose]) -> DoseResponse:
    """Fit the curve to counts at one dose or more, each with runs."""
    counts = _Counts.of(doses)
    if counts.separated:
        return _step(counts)
    offset, slope = _fit(counts)
    if slope <= 0:
        return DoseResponse(nan, 0.0, inf, 0.0)
    middle = -offset / slope
    most = counts.likelihood([_sigmoid(offset + slope * x) for x in counts.at])
    low, high = _interval(counts, middle, most)
    return DoseResponse(10**middle, low, high, slope)


def _step(counts: _Counts) -> DoseResponse:
    """Return what separated counts tell."""
    by_share = list(zip(counts.doses, counts.shares, strict=True))
    bracket = (
        max((dose for dose, share in by_share if share <= 0.5), default=0.0),
        min((dose for dose, share in by_share if share >= 0.5), default=inf),
    )
    below, above = (log10(bracket[0]) if bracket[0] else -inf), log10(bracket[1])
    mixed = [(x, share) for x, share in zip(counts.at, counts.shares, strict=True) if 0 < share < 1]
    if mixed:
        ((x, share),) = mixed
        middle = x - log(share / (1 - share)) / _STEEPEST
    elif below == -inf or above == inf:
        middle = above - 1 if below == -inf else below + 1
    else:
        middle = (below + above) / 2
    low, high = _interval(counts, middle, counts.likelihood(counts.shares))
    return DoseResponse(nan, low, high, inf, bracket)


def _fit(counts: _Counts) -> tuple[float, float]:
    """Return offset and slope of the greatest likelihood, of counts that are not separated."""
    x = np.array(counts.at)
    k, n = np.array(counts.hacked), np.array(counts.runs)
    centre = x.mean()

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        logit = at[0] + at[1] * (x - centre)
        expected = n * (1 + np.tanh(logit / 2)) / 2
        value = (n * np.logaddexp(0, logit) - k * logit).sum()
        return float(value), np.array([(expected - k).sum(), ((expected - k) * (x - centre)).sum()])

    offset, slope = minimize(loss, np.zeros(2), jac=True, method="BFGS", options={"gtol": 1e-8}).x
    return float(offset - slope * centre), float(slope)


def _interval(counts: _Counts, middle: float, most: float) -> tuple[float, float]:
    """Return the doses around the best at which the profile has fallen by half of chi-square's 95 % point."""

    def fallen(at: float) -> float:
        return most - counts.profile(at) - _HALF_CHI2

    low = _crossing(fallen, middle, min(middle, counts.at[0]) - _FAR)
    high = _crossing(fallen, middle, max(middle, counts.at[-1]) + _FAR)
    return (10**low if low is not None else 0.0), (10**high if high is not None else inf)


def _crossing(fallen: Callable[[float], float], inside: float, far: float) -> float | None:
    return float(brentq(fallen, inside, far, xtol=1e-9)) if fallen(far) > 0 else None


def _sigmoid(logit: float) -> float:
    return (1 + tanh(logit / 2)) / 2


def _log_sigmoid(logit: float) -> float:
    return min(logit, 0.0) - log1p(exp(-abs(logit)))
