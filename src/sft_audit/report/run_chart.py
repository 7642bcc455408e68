"""The charts of a run: curves over its steps, and a behaviour's way from the data to the last step."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from markupsafe import Markup

from sft_audit.report.charts import COLOURS, Paper
from sft_audit.report.run_curves import Curve, Point
from sft_audit.report.visible import percent

WAY_COLOURS = ("red", "rust", "amber", "blue", "sky", "grey")
_TALL, _LOW, _TOP, _SIDE = 190.0, 96.0, 22.0, 34.0
_FOOT = 24.0  # px under the floor, for the steps
_STAGES = ("data", "SFT")


class _Plot:
    """A paper with steps along it and one scale of values up it."""

    def __init__(self, height: float, steps: tuple[int, int], before: float = 0.0) -> None:
        self.floor = height - _FOOT
        self.first, self.last = steps
        self.before = before * max(self.last - self.first, 1)
        self.paper = Paper(height, max(self.last - self.first, 1) + self.before, _SIDE)

    def x(self, step: int) -> float:
        """Return where a step stands."""
        return step - self.first + self.before

    def y(self, value: float, scale: tuple[float, float]) -> float:
        """Return the height of a value; what is beyond the scale stands at its end."""
        low, high = scale
        share = (value - low) / (high - low) if high > low else 0.5
        return self.floor - min(max(share, 0.0), 1.0) * (self.floor - _TOP)

    def steps(self) -> None:
        """Write the first and the last step under the floor."""
        y = self.floor + _FOOT / 2
        self.paper.write(self.x(self.first), y, f"step {self.first:,}", "soft", "left")
        if self.last > self.first:
            self.paper.write(self.x(self.last), y, f"{self.last:,}", "soft", "right")

    def scale(self, scale: tuple[float, float], words: Sequence[str], right: bool = False) -> None:
        """Write the ends of a scale beside it, and draw the lines that they stand at."""
        limit, side = self.paper.limit, self.paper.side
        for value, word in zip(scale, words, strict=True):
            y = self.y(value, scale)
            self.paper.line(0, limit, y, "line", 1)
            at = limit + 0.1 * side if right else -0.1 * side
            self.paper.write(at, y, word, "soft", "left" if right else "right")

    def curve(self, points: Sequence[Point], scale: tuple[float, float], colour: str) -> None:
        """Draw a line through points, over the band of their intervals."""
        if not points:
            return
        places = [self.x(one.step) for one in points]
        axes = self.paper.axes
        if any(one.low is not None for one in points):
            low = [self.y(one.value if one.low is None else one.low, scale) for one in points]
            high = [self.y(one.value if one.high is None else one.high, scale) for one in points]
            axes.fill_between(places, low, high, color=COLOURS[colour], alpha=0.2, linewidth=0)
        heights = [self.y(one.value, scale) for one in points]
        axes.plot(places, heights, color=COLOURS[colour], linewidth=1.8, solid_joinstyle="round")
        if len(points) == 1:
            axes.plot(places, heights, "o", color=COLOURS[colour], markersize=6, markeredgewidth=0)

    def mark(self, step: int | None) -> None:
        """Draw a line down at the step of an alarm."""
        if step is not None and self.first <= step <= self.last:
            x = self.x(step)
            self.paper.axes.plot([x, x], [_TOP - 6, self.floor], color=COLOURS["ink"], linewidth=1.2)

    def level(self, level: float | None, scale: tuple[float, float]) -> None:
        """Draw a broken line at the level that a measure is held against."""
        if level is not None and scale[0] <= level <= scale[1]:
            y = self.y(level, scale)
            ends = [0, self.paper.limit]
            self.paper.axes.plot(
                ends, [y, y], color=COLOURS["ink"], linewidth=1, linestyle=(0, (4, 3)), alpha=0.8
            )


def draw_pair(name: str, title: str, left: Curve, right: Curve, alarm: int | None) -> Markup | None:
    """Draw two curves, blue and rust, with the step of the first alarm; None without a point.

    Where both lie between 0 and 1 they have one scale, else the left one has its own, written on the left.
    """
    points = [*left.points, *right.points]
    if not points:
        return None
    plot = _Plot(_TALL, _steps(points))
    within = all(0 <= one.value <= 1 for one in left.points)
    top = _top([one.high or one.value for one in points]) if within else 1.0
    shares = (0.0, top)
    own = shares if within else _range([one.value for one in left.points])
    if right.points or within:
        plot.scale(shares, (percent(0.0), percent(top)), right=not within)
    if not within:
        plot.scale(own, (f"{own[0]:.3g}", f"{own[1]:.3g}"))
    plot.mark(alarm)
    plot.curve(left.points, own, "blue")
    plot.curve(right.points, shares, "rust")
    plot.steps()
    marked = "" if alarm is None else f"; the first alarm at step {alarm:,}"
    return plot.paper.svg(name, title, f"{_said(left, within)}; {_said(right, True)}{marked}")


def draw_measure(name: str, curve: Curve, share: bool, alarm: int | None) -> Markup:
    """Draw one measure small: its curve, the level it is held against, and the step of its alarm."""
    plot = _Plot(_LOW, _steps(curve.points))
    known = [one.value for one in curve.points]
    low, high = _range([*known, *([curve.level] if curve.level is not None else [])])
    scale = (0.0, _top([high])) if share and low >= 0 and high <= 1 else (low, high)
    words = [percent(value) if share else f"{value:.3g}" for value in scale]
    plot.scale(scale, words)
    plot.level(curve.level, scale)
    plot.mark(alarm)
    plot.curve(curve.points, scale, "blue")
    plot.steps()
    held = "" if curve.level is None else f"; held against {curve.level:.3g}"
    marked = "" if alarm is None else f"; beyond it at step {alarm:,}"
    return plot.paper.svg(name, curve.name, f"{_said(curve, share)}{held}{marked}")


def draw_way(rows: Sequence[Mapping[str, Any]], curves: Sequence[Curve], alarm: int | None) -> Markup | None:
    """Draw the share of each behaviour in the SFT data, in the SFT model and over the steps of RL.

    `rows` are those of `amplifications`, a curve each, in the colours of WAY_COLOURS.
    """
    points = [point for curve in curves for point in curve.points]
    if not points:
        return None
    before = [_before(row) for row in rows]
    known = [one for pair in before for one in pair if one is not None]
    plot = _Plot(_TALL, _steps(points), before=0.45 if known else 0.0)
    scale = (0.0, _top([*known, *(one.value for one in points)]))
    plot.scale(scale, (percent(0.0), percent(scale[1])))
    plot.mark(alarm)
    places = [0.1 * plot.before, 0.6 * plot.before]
    for pair, curve, colour in reversed(list(zip(before, curves, WAY_COLOURS, strict=False))):
        _draw_before(plot, places, pair, (curve.points, scale, colour))
        plot.curve(curve.points, scale, colour)
    if known:
        for place, stage in zip(places, _STAGES, strict=True):
            plot.paper.write(place, plot.floor + _FOOT / 2, stage, "soft", "center")
    plot.steps()
    said = "; ".join(str(row["says"]) for row in rows)
    return plot.paper.svg("way", "From the SFT data to the last step", said)


def _draw_before(
    plot: _Plot,
    places: Sequence[float],
    shares: Sequence[float | None],
    curve: tuple[Sequence[Point], tuple[float, float], str],
) -> None:
    """Draw the dots of the stages before RL, and the line that leads from them to the first step."""
    points, scale, colour = curve
    known = [(x, plot.y(one, scale)) for x, one in zip(places, shares, strict=True) if one is not None]
    way = [*known, *((plot.x(one.step), plot.y(one.value, scale)) for one in points[:1])]
    x, y = [place for place, _ in way], [height for _, height in way]
    axes = plot.paper.axes
    axes.plot(x, y, color=COLOURS[colour], linewidth=1.2, linestyle=(0, (2, 2)))
    for place, height in known:
        axes.plot([place], [height], "o", color=COLOURS[colour], markersize=6, markeredgewidth=0)


def _before(row: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Return the shares in the SFT data and in the SFT model; None where that was not asked."""
    data = row["data_k"] / row["data_n"] if row["data_n"] else None
    return data, row["before_share"] if row["before"] == "sft model" else None


def _steps(points: Sequence[Point]) -> tuple[int, int]:
    return min(one.step for one in points), max(one.step for one in points)


def _top(values: Sequence[float]) -> float:
    """Return the end of a scale of shares that holds them all."""
    most = max(values, default=1.0)
    return next((step for step in (0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8) if most <= step), 1.0)


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values, default=inf), max(values, default=-inf)
    if low > high:
        return 0.0, 1.0
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _said(curve: Curve, share: bool) -> str:
    """Return in words where a curve begins and ends, and between what it lies."""
    if not curve.points:
        return f"{curve.name}: not known"

    def said(value: float) -> str:
        return percent(value) if share else f"{value:.3g}"

    first, last = curve.points[0], curve.points[-1]
    values = [one.value for one in curve.points]
    ends = f"{said(first.value)} at step {first.step:,}, {said(last.value)} at step {last.step:,}"
    return f"{curve.name}: {ends}, between {said(min(values))} and {said(max(values))}"
