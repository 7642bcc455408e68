"""One measure over a run: what each step came to, and when it went beyond its level."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite

from sft_audit.change_detection import Cusum, LevelDetector
from sft_audit.monitor.episode import Step
from sft_audit.monitor.measure import Above, At, Dropped, Fallen, Measure, Outside, Risen, Shifted
from sft_audit.runs.names import HELD_OUT

_SETTLE = 5  # steps from which the start is known
_FEWEST = 20  # units of them at the least
_WINDOW = 20  # steps that are looked back on
_IN_A_ROW = 5
_MARGIN = 1e-3  # levels that follow from the start keep off 0 and 1 by this
_MOVING_RANGE = 1.128  # mean difference of two values over their standard deviation, if normal
_PRIOR = 5  # numbers that the expected noise counts for
_DEVIATIONS = 5


@dataclass(frozen=True, slots=True)
class Point:
    """One measure at one step, as in the table `series`."""

    measure: str
    step: int
    value: float
    n: int
    low: float | None
    high: float | None
    level: float | None
    evidence: float
    needed: float


@dataclass(frozen=True, slots=True)
class Alarm:
    """A measure beyond its level, as in the table `alarms`."""

    measure: str
    grade: str
    step: int
    first: int
    last: int
    value: float
    low: float | None
    high: float | None
    start: float | None
    level: float
    evidence: float
    needed: float
    says: str


class Watcher(ABC):
    """One measure over the run."""

    def __init__(self, measure: Measure) -> None:
        self.measure = measure
        self.alarmed = False
        self.start: float | None = None
        self.recent: deque[tuple[int, Sequence[float]]] = deque(maxlen=_WINDOW)
        self.since = 0  # steps over which the evidence has gathered

    @abstractmethod
    def take(self, step: Step) -> Point | None:
        """Measure a step; None where it has nothing to measure."""

    def alarm(self, point: Point, first: int) -> Alarm:
        """Return the alarm that a point gives."""
        assert point.level is not None  # noqa: S101 - nothing is evidence before the level is known
        value, low, high = self.lately()
        return Alarm(
            measure=self.measure.name,
            grade=self.measure.grade,
            step=point.step,
            first=first,
            last=point.step,
            value=value,
            low=low,
            high=high,
            start=self.start,
            level=point.level,
            evidence=point.evidence,
            needed=point.needed,
            says=self._sentence(point, value, low, high),
        )

    def lately(self) -> tuple[float, float | None, float | None]:
        """Return the mean over the steps in which the evidence gathered, and its interval if it has one.

        The steps are chosen by what they hold: the interval describes them, the evidence is the test.
        """
        values = [one for _, some in self._gathered() for one in some]
        return sum(values) / len(values), None, None

    def _gathered(self) -> list[tuple[int, Sequence[float]]]:
        return list(self.recent)[-max(self.since, 1) :]

    def _sentence(self, point: Point, value: float, low: float | None, high: float | None) -> str:
        tell = _percent if self.measure.shares else _plain
        first = self._gathered()[0][0]
        since = "" if first == point.step else f" since step {first}"
        span = "" if low is None or high is None else f" (95 % confidence {tell(low)} to {tell(high)})"
        begun = "" if self.start is None else f", {tell(self.start)} in the first steps"
        level = "" if point.level is None else f"; the level is {tell(point.level)}"
        bets = f", evidence {point.evidence:,.0f} of {point.needed:,.0f}" if self.measure.shares else ""
        return f"step {point.step}: {self.measure.says}: {tell(value)}{since}{span}{begun}{level}{bets}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _plain(value: float) -> str:
    return f"{value:.3g}"


class ShareWatcher(Watcher):
    """Values in [0, 1], one a unit: bets against a level, or against what the first steps were."""

    def __init__(self, measure: Measure, limit: float | None, needed: float) -> None:
        super().__init__(measure)
        self.needed = needed
        self.settling: list[float] = []
        self.steps = 0
        self.level: float | None = None
        self.detector: LevelDetector | None = None
        self.sign = -1 if isinstance(measure.test, Fallen) else 1
        if isinstance(measure.test, Above):
            self._hold(measure.test.level if limit is None else limit)

    def take(self, step: Step) -> Point | None:
        """Bet on the step's values."""
        assert self.measure.shares is not None  # noqa: S101 - by construction
        values = self.measure.shares(step)
        if not values:
            return None
        value = sum(values) / len(values)
        self.recent.append((step.number, values))
        if self.detector is None:
            self._settle(values)
            evidence = 0.0
        else:
            evidence = self.detector.take(values if self.sign > 0 else [1 - one for one in values])
            self.since = self.since + 1 if evidence > 1 else 0
        low, high = _interval(values)
        return Point(
            self.measure.name, step.number, value, len(values), low, high, self.level, evidence, self.needed
        )

    def lately(self) -> tuple[float, float | None, float | None]:
        """Return the mean of the values while the evidence gathered, with its confidence sequence."""
        from sft_audit.confidence_sequence import confidence_sequence

        values = [one for _, some in self._gathered() for one in some]
        low, high = confidence_sequence(values)
        value = sum(values) / len(values)
        return value, min(float(low[-1]), value), max(float(high[-1]), value)

    def _settle(self, values: Sequence[float]) -> None:
        """Take the first steps for what the run began with; set the level once they are enough."""
        from sft_audit.confidence_sequence import confidence_sequence

        self.settling += values
        self.steps += 1
        if self.steps < _SETTLE or len(self.settling) < _FEWEST:
            return
        self.start = sum(self.settling) / len(self.settling)
        low, high = (float(end[-1]) for end in confidence_sequence(self.settling, 0.01))
        match self.measure.test:
            case Risen(margin, times):
                level = min(max(high, self.start) * times + margin, (1 + max(high, self.start)) / 2)
                self._hold(min(level, 1 - _MARGIN))
            case Fallen(times):
                self._hold(max(min(low, self.start) * times, _MARGIN))

    def _hold(self, level: float) -> None:
        self.level = level
        self.detector = LevelDetector(level if self.sign > 0 else 1 - level)


class NumberWatcher(Watcher):
    """One number a step, of no known scale: held against its own beginning, or against a bound."""

    def __init__(self, measure: Measure, limit: float | None) -> None:
        super().__init__(measure)
        self.settling: list[float] = []
        self.best = -inf
        self.limit = limit
        self.moved = 0.0
        self.moves = 0
        self.sum: Cusum | None = None
        if isinstance(measure.test, Shifted):
            self.sum = Cusum(measure.test.side, least=measure.test.least)

    def take(self, step: Step) -> Point | None:
        """Hold the step's number against its bound."""
        assert self.measure.number is not None  # noqa: S101 - by construction
        value = self.measure.number(step)
        if value is None:
            return None
        level, evidence, needed = self._held(value)
        self.recent.append((step.number, (value,)))
        return Point(self.measure.name, step.number, value, 1, None, None, level, evidence, needed)

    def _held(self, value: float) -> tuple[float | None, float, float]:
        """Return the level, the evidence and what is needed of it."""
        level: float | None
        match self.measure.test:
            case At(fixed, in_a_row):
                level = fixed if self.limit is None else self.limit
                return level if level < inf else None, self._count(value >= level), in_a_row
            case Dropped(in_a_row, times, margin, noise):
                level = self._below_best(times, margin, noise)
                self.best = max(self.best, value)
                if self.recent:
                    self.moved += abs(value - self.recent[-1][1][0])
                    self.moves += 1
                return level, self._count(level is not None and value < level), in_a_row
            case Shifted(side, needed):
                assert self.sum is not None  # noqa: S101 - by construction
                evidence = self.sum.take(value)
                self._count(evidence > 0)
                if self.sum.seen < self.sum.settle:
                    return None, 0, needed
                self.start = self.sum.mean
                return self.start + side * self.sum.shift, evidence, needed
            case Outside(low, high):
                if len(self.settling) < _SETTLE:
                    self.settling.append(value)
                    return None, 0, _IN_A_ROW
                self.start = sum(self.settling) / _SETTLE
                bound = high if low == 0 or (value > self.start and high < inf) else low
                beyond = value > bound * self.start if bound > 1 else value < bound * self.start
                return bound * self.start, self._count(beyond), _IN_A_ROW
        raise TypeError(f"{self.measure.name}: numbers are not held against {self.measure.test}")

    def _below_best(self, times: float, margin: float, noise: float) -> float | None:
        """Return the level below the best so far; None before there is one above 0."""
        if self.best <= 0:
            return None
        spread = (_PRIOR * noise + self.moved / _MOVING_RANGE) / (_PRIOR + self.moves)
        level = min(self.best * times, self.best - max(margin, _DEVIATIONS * spread))
        return level if isfinite(level) else None

    def _count(self, beyond: bool) -> int:
        self.since = self.since + 1 if beyond else 0
        return self.since


class SetsWatcher(Watcher):
    """One number of each held-out set: each against its own course; the one nearest to an alarm speaks."""

    def __init__(self, measure: Measure) -> None:
        super().__init__(measure)
        self.sets: dict[str, NumberWatcher] = {}
        self.speaks = NumberWatcher(measure, None)

    def take(self, step: Step) -> Point | None:
        """Hold each set that was evaluated at the step against its best."""
        found: list[tuple[NumberWatcher, Point]] = []
        for name, value in sorted(step.held_out.items()):
            says = f"{self.measure.says} ({name})" if name else self.measure.says
            one = self.sets.setdefault(name, NumberWatcher(replace(self.measure, says=says), None))
            point = one.take(replace(step, metrics={HELD_OUT: value}))
            if point is not None:
                found.append((one, point))
        if not found:
            return None
        self.speaks, point = max(found, key=lambda told: told[1].evidence)
        return point

    def alarm(self, point: Point, first: int) -> Alarm:
        """Return the alarm of the set that speaks."""
        return self.speaks.alarm(point, first)


def _interval(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Return the 95 % interval of the values' mean, by Student's t; none of one value."""
    from sft_audit.record.clusters import t_half_width

    n = len(values)
    if n < 2:
        return None, None
    mean = sum(values) / n
    half = t_half_width(n, sum((one - mean) ** 2 for one in values) / (n - 1) / n)
    return max(mean - half, 0.0), min(mean + half, 1.0)
