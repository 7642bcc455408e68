"""The layer profile: how like the base model's a checkpoint's activations are, from first layer to last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from markupsafe import Markup

from sft_audit.report.charts import COLOURS, Paper

_HEIGHT, _TOP, _FLOOR = 190.0, 30.0, 150.0


@dataclass(frozen=True, slots=True)
class Layer:
    """One place: its likeness to the base model's with the interval, and what benign runs stay above.

    `least` is the fallback where `null_runs` is 0, and None where there is none.
    """

    place: str
    value: float
    low: float
    high: float
    least: float | None
    null_runs: int

    @property
    def part(self) -> str:
        """Return vision, projector or language."""
        return self.place.partition(".")[0]


def draw_drift(rows: Sequence[Mapping[str, Any]]) -> Markup | None:
    """Draw the CKA of rows of the table `activations`: a line with its interval, over what benign runs do.

    None without a row of CKA.
    """
    layers = [_layer(row) for row in sorted(rows, key=lambda row: row["ordinal"]) if row["measure"] == "cka"]
    return _draw(layers) if layers else None


def _layer(row: Mapping[str, Any]) -> Layer:
    return Layer(row["place"], row["value"], row["low"], row["high"], row["least"], row["null_runs"])


def _draw(layers: Sequence[Layer]) -> Markup:
    paper = Paper(_HEIGHT, len(layers), side=32)
    places = [at + 0.5 for at in range(len(layers))]
    _draw_levels(paper, len(layers))
    _draw_parts(paper, layers)
    if all(one.least is not None for one in layers):
        floor = [_down(one.least or 0.0) for one in layers]
        paper.axes.fill_between(places, floor, _down(1.0), color=COLOURS["grey"], alpha=0.25, linewidth=0)
    ends = [_down(one.low) for one in layers], [_down(one.high) for one in layers]
    paper.axes.fill_between(places, *ends, color=COLOURS["blue"], alpha=0.35, linewidth=0)
    heights = [_down(one.value) for one in layers]
    paper.axes.plot(
        places, heights, "-o", color=COLOURS["blue"], linewidth=2, markersize=4, markeredgewidth=0
    )
    return paper.svg("drift", "CKA with the base model, layer by layer", "; ".join(map(_said, layers)))


def _down(value: float) -> float:
    """Return the height at which a likeness stands; what is below 0 stands at 0."""
    return _FLOOR - max(0.0, value) * (_FLOOR - _TOP)


def _draw_levels(paper: Paper, width: float) -> None:
    for level in (0.0, 0.5, 1.0):
        paper.line(0, width, _down(level), "line", 1)
        paper.write(-0.1 * paper.side, _down(level), f"{level:g}", "soft", "right")


def _draw_parts(paper: Paper, layers: Sequence[Layer]) -> None:
    """Part the tower from the projector and the language model, and name them."""
    start = 0
    for number, (part, some) in enumerate(groupby(layers, key=lambda one: one.part)):
        count = len(list(some))
        if start:
            paper.axes.plot([start, start], [_TOP, _FLOOR], color=COLOURS["line"], linewidth=1)
        # The projector is a single place: its name stands above its neighbours'.
        paper.write(start + count / 2, _FLOOR + (14 if number % 2 == 0 else 29), part, "ink", "center")
        start += count


def _said(one: Layer) -> str:
    held = ""
    if one.least is not None:
        whose = (
            f"benign runs stay above {one.least:.2f}" if one.null_runs else f"held against {one.least:.2f}"
        )
        held = f", {whose}"
    return f"{one.place}: CKA {one.value:.2f}, 95 % interval {one.low:.2f} to {one.high:.2f}{held}"
