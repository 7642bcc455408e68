"""The figures of RESULTS.md, each with a digest of what it was drawn from, so that a stale one is known."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from inference.dose_response import DoseResponse, dose_response
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from world import MAIN

from findings.doses import DOSED, OF, doses
from findings.run import Arm, Runs
from findings.trajectory import Trajectory
from sft_audit.interval import Rate

NAMES = _HACKED, _DOSE, _TRAJECTORIES = "hacked.png", "dose.png", "trajectories.png"
_DRAWN_FROM = "Drawn from"
_DOTS_PER_INCH = 140
_COLOURS = 64  # of a file
# Okabe and Ito's colours, which the colour-blind tell apart; arms differ in their marks too.
_BLACK, _BLUE, _SKY, _GREEN, _RUST, _ORANGE, _PINK = (
    "#000000", "#0072b2", "#56b4e9", "#009e73", "#d55e00", "#e69f00", "#cc79a7",
)  # fmt: skip
_GREY = "#767676"
_MARKS = {
    Arm("as-is", "leaky"): (_RUST, "o"),
    Arm("defaults", "leaky"): (_ORANGE, "v"),
    Arm("advised", "leaky"): (_BLUE, "s"),
    Arm("as-is", "sound"): (_PINK, "D"),
    Arm("defaults", "sound"): (_SKY, "^"),
    Arm("advised", "sound"): (_GREEN, "P"),
}


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure by its file's name: what it is drawn from, and how."""

    name: str
    data: Any
    draw: Callable[[], Figure]

    @property
    def digest(self) -> str:
        """Return the digest of what it is drawn from."""
        return hashlib.sha256(repr(self.data).encode()).hexdigest()

    def save(self, folder: Path) -> None:
        """Draw it into the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        drawn, told = BytesIO(), PngInfo()
        self.draw().savefig(drawn, dpi=_DOTS_PER_INCH, metadata={"Software": None})
        told.add_text(_DRAWN_FROM, self.digest)
        with Image.open(drawn) as image:
            image.convert("RGB").quantize(_COLOURS).save(folder / self.name, optimize=True, pnginfo=told)

    def is_current(self, folder: Path) -> bool:
        """Return whether the figure in the folder was drawn from the same."""
        if not (folder / self.name).is_file():
            return False
        with Image.open(folder / self.name) as image:
            return image.info.get(_DRAWN_FROM) == self.digest


def drawings(runs: Runs, trajectories: Sequence[Trajectory]) -> list[Drawing]:
    """Return the figures that the runs are enough for."""
    main = Runs(tuple(one for one in runs.all if one.condition in MAIN and one.arm in _MARKS))
    counts = {kind: found for kind in DOSED if len(found := doses(runs, kind)) > 1}
    clean = runs.of("clean").hacked
    outcomes = [(one.condition, one.arm, one.seed, one.hacked) for one in main.all]
    found = []
    if main.all:
        found.append(Drawing(_HACKED, outcomes, lambda: draw_hacked(main)))
    if counts:
        found.append(Drawing(_DOSE, (counts, clean), lambda: draw_doses(runs, list(counts))))
    if trajectories:
        told = [astuple(one) for one in trajectories]
        found.append(Drawing(_TRAJECTORIES, told, lambda: draw_trajectories(trajectories)))
    return found


def draw_hacked(runs: Runs) -> Figure:
    """Draw the share of hacked runs by condition and arm, with Wilson's intervals."""
    arms, conditions = [arm for arm in _MARKS if arm in runs.arms()], runs.conditions()
    step = 1.0 / (len(arms) + 1)
    figure = Figure(figsize=(7.2, 1.2 + len(conditions) * (0.25 + 0.2 * len(arms))), layout="constrained")
    axes = figure.subplots()
    for row, condition in enumerate(conditions):
        for place, arm in enumerate(arms):
            hacked = runs.of(condition, arm).hacked
            if hacked.n:
                y = row + (place + 0.5 - len(arms) / 2) * step
                _interval(axes, y, hacked, *_MARKS[arm], arm.title if row == 0 else None)
    axes.set_yticks(range(len(conditions)), conditions)
    axes.set_ylim(len(conditions) - 0.45, -0.55)
    axes.set_xlim(0, 100)
    axes.set_xlabel("hacked runs, % (lines: 95 % intervals)")
    axes.text(103, -0.5, "hacked/all", fontsize=8, color=_GREY)
    axes.grid(axis="x", color="#dddddd", linewidth=0.8)
    axes.tick_params(axis="y", length=0)
    _plain(axes, "bottom")
    figure.legend(loc="outside upper left", ncols=2, frameon=False, fontsize=9)
    return figure


def _interval(axes: Axes, y: float, hacked: Rate, colour: str, mark: str, label: str | None) -> None:
    axes.plot([100 * hacked.low, 100 * hacked.high], [y, y], color=colour, linewidth=2, solid_capstyle="butt")
    axes.plot(100 * hacked.value, y, mark, color=colour, markersize=6, label=label, clip_on=False, zorder=3)
    axes.text(103, y, f"{hacked.k}/{hacked.n}", va="center", fontsize=8, color=_GREY)


def draw_doses(runs: Runs, kinds: Sequence[str]) -> Figure:
    """Draw the share of hacked runs by dose, the curve, and the ED50 with its interval, a panel a kind."""
    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(kinds), sharey=True))
    for axes, kind in zip(panels, kinds, strict=True):
        _dose_panel(axes, runs, kind)
    panels[0].set_ylabel("hacked runs, %")
    panels[0].set_ylim(-3, 103)
    return figure


def _dose_panel(axes: Axes, runs: Runs, kind: str) -> None:
    found = doses(runs, kind)
    lowest, highest = found[0].dose, found[-1].dose
    reach = (highest / lowest) ** 0.12
    none = lowest / reach**2  # where clean stands, whose dose no logarithmic axis has
    edges = (none / reach, highest * reach)
    _half(axes, dose_response(found), (lowest / reach, edges[1]))
    counts = [(none, runs.of("clean").hacked), *((one.dose, Rate(one.hacked, one.runs)) for one in found)]
    for at, hacked in counts:
        if hacked.n:
            axes.plot([at, at], [100 * hacked.low, 100 * hacked.high], color=_BLACK, linewidth=1.5)
            filled = _BLACK if at != none else "white"
            axes.plot(at, 100 * hacked.value, "o", color=_BLACK, markerfacecolor=filled, zorder=3)
    axes.set_xscale("log")
    axes.set_xlim(*edges)
    axes.set_xticks([none, *(one.dose for one in found)], ["0\n(clean)", *(f"{one.dose:g}" for one in found)])
    axes.minorticks_off()
    axes.set_xlabel(f"{DOSED[kind]},\n% {OF[kind]}")
    axes.grid(axis="y", color="#dddddd", linewidth=0.8)
    _plain(axes, "left", "bottom")


def _half(axes: Axes, response: DoseResponse, edges: tuple[float, float]) -> None:
    """Draw the curve where there is one, and the ED50's interval, at the side of it that has room."""
    if response.slope == 0:
        return
    if response.bracket is None:
        at = np.geomspace(*edges, 200)
        axes.plot(at, [100 * response.share(one) for one in at], color=_BLUE, linewidth=1.5)
        axes.plot(response.ed50, 50, "D", color=_BLUE, markersize=7, zorder=4)
    low, high = (min(max(one, edges[0]), edges[1]) for one in (response.low, response.high))
    axes.plot([low, high], [50, 50], color=_BLUE, linewidth=5, alpha=0.35, solid_capstyle="butt")
    right = low * high < edges[0] * edges[1]
    said = "  ED50" if right else "ED50  "
    axes.text(high if right else low, 50, said, ha="left" if right else "right", va="center", color=_BLUE)


def draw_trajectories(trajectories: Sequence[Trajectory]) -> Figure:
    """Draw what single runs were paid and what they did, step by step."""
    figure = Figure(figsize=(7.2, 3.1), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(trajectories), sharey=True))
    lines = {
        "reward": (_BLACK, "-", 2.5),
        "right": (_BLUE, "-", 1.5),
        "boasts": (_RUST, "--", 1.5),
        "follows": (_ORANGE, ":", 2.0),
    }
    named = {
        "reward": "reward",
        "right": "right colour, where the tag does not tell it",
        "boasts": "says Verified",
        "follows": "says the colour of the tag, where it is wrong",
    }
    for axes, one in zip(panels, trajectories, strict=True):
        steps = [window.step for window in one.windows]
        for name, (colour, style, width) in lines.items():
            shares = [100 * getattr(window, name) for window in one.windows]
            axes.plot(steps, shares, style, color=colour, linewidth=width, label=named[name], clip_on=False)
        axes.set_title(f"{one.condition}, seed {one.seed}", loc="left", fontsize=10)
        axes.set_xlabel("step of RL")
        axes.set_xlim(0, steps[-1])
        axes.grid(axis="y", color="#dddddd", linewidth=0.8)
        _plain(axes, "left", "bottom")
    panels[0].set_ylim(0, 100)
    panels[0].set_ylabel("% of completions")
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside upper left", ncols=2, frameon=False, fontsize=9
    )
    return figure


def _plain(axes: Axes, *sides: str) -> None:
    for side, spine in axes.spines.items():
        spine.set_visible(side in sides)
