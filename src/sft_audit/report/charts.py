"""Charts as inline SVG: drawn by matplotlib at phone width, coloured and lettered by the page around them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import StringIO
from typing import Any

from markupsafe import Markup

from sft_audit.report.visible import cut

_WIDTH = 340.0
_ROW = 38.0
_LETTERS = 11
# Colours that nothing else uses stand for the page's own until the drawing is done.
COLOURS = {
    name: f"#{number:02x}{number:02x}{number:02x}"
    for number, name in enumerate(
        ("ink", "soft", "line", "paper", "blue", "sky", "amber", "rust", "red", "grey"), start=1
    )
}


@dataclass(frozen=True, slots=True)
class Dot:
    """One row of a dot chart: a share with its interval, and a mark to hold it against."""

    label: str
    value: float
    low: float
    high: float
    mark: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Stack:
    """One bar of a stacked chart: parts in the order of the legend."""

    label: str
    parts: tuple[float, ...]
    note: str


def dots(name: str, title: str, rows: Sequence[Dot], mark: str = "") -> Markup:
    """Draw one line a row: a dot, its 95 % interval, and the mark (`mark` says what it stands for)."""
    limit = _round_up(max([0.0, *(max(r.high, r.mark or 0.0) for r in rows)]))
    paper = Paper(len(rows) * _ROW + 20, limit)
    for at, row in enumerate(rows):
        y = at * _ROW + 26
        paper.label(y - 15, row.label, row.note or f"{row.value:.1%}")
        paper.line(0, limit, y, "line", 1)
        paper.line(max(0.0, row.low), row.high, y, "blue", 5, 0.35)
        paper.axes.plot([row.value], [y], "o", color=COLOURS["blue"], markersize=8, markeredgewidth=0)
        if row.mark is not None:
            paper.axes.plot([row.mark, row.mark], [y - 6, y + 6], color=COLOURS["ink"], linewidth=2)
    for share, side in ((0.0, "left"), (limit / 2, "center"), (limit, "right")):
        paper.write(share, len(rows) * _ROW + 10, f"{100 * share:g} %", "soft", side)
    return paper.svg(name, title, "; ".join(_said(r, mark) for r in rows))


def stacks(
    name: str, title: str, rows: Sequence[Stack], parts: Sequence[str], colours: Sequence[str]
) -> Markup:
    """Draw one bar a row, its parts as shares of it; `parts` names them."""
    paper = Paper(len(rows) * _ROW, 1.0, side=0)
    for at, row in enumerate(rows):
        y, left, whole = at * _ROW + 26, 0.0, sum(row.parts) or 1.0
        paper.label(y - 15, row.label, row.note)
        paper.line(0, 1, y, "line", 1)
        for part, colour in zip(row.parts, colours, strict=False):
            if part > 0:
                paper.axes.barh(
                    y,
                    part / whole,
                    14,
                    left,
                    color=COLOURS[colour],
                    edgecolor=COLOURS["paper"],
                    linewidth=1,
                )
            left += part / whole
    return paper.svg(name, title, "; ".join(f"{r.label}: {_shares(r, parts)}" for r in rows))


def _round_up(top: float) -> float:
    steps = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
    return next((step for step in steps if top <= step), 1.0)


def _said(row: Dot, mark: str) -> str:
    held = f", {mark} {row.mark:.1%}" if row.mark is not None else ""
    return f"{row.label}: {row.value:.1%}, 95 % interval {row.low:.1%} to {row.high:.1%}{held}"


def _shares(row: Stack, parts: Sequence[str]) -> str:
    whole = sum(row.parts) or 1.0
    return ", ".join(f"{part} {value / whole:.1%}" for part, value in zip(parts, row.parts, strict=False))


class Paper:
    """A figure at phone width, `limit` wide in data units and its height in px, y downwards.

    matplotlib draws numbers where the words go, and they are put in when it is done: words from a data set
    never meet its fonts, its mathematics or its XML.
    """

    def __init__(self, height: float, limit: float, side: float = 5) -> None:
        from matplotlib.figure import Figure

        self.limit = limit
        self.words: list[str] = []
        self.figure = Figure(figsize=(_WIDTH / 72, height / 72), dpi=72)
        self.axes: Any = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_axis_off()
        self.side = limit * side / (_WIDTH - 2 * side)
        self.axes.set_xlim(-self.side, limit + self.side)
        self.axes.set_ylim(height, 0)

    def line(self, left: float, right: float, y: float, colour: str, width: float, alpha: float = 1) -> None:
        """Draw a horizontal line between two values at a height."""
        self.axes.plot(
            [left, right],
            [y, y],
            color=COLOURS[colour],
            linewidth=width,
            alpha=alpha,
            solid_capstyle="round",
            zorder=1,
        )

    def label(self, y: float, label: str, note: str) -> None:
        """Write what a row is called on its left, and a note on its right."""
        self.write(-self.side, y, cut(label, 34), "ink", "left")
        self.write(self.limit + self.side, y, cut(note, 24), "ink", "right")

    def write(self, x: float, y: float, words: str, colour: str, side: str) -> None:
        """Write words of a data set at a place; `side` is the end of them that stands there."""
        self.words.append(words)
        self.axes.text(
            x, y, f"@{len(self.words) - 1}@", color=COLOURS[colour], fontsize=_LETTERS, va="center", ha=side
        )

    def svg(self, name: str, title: str, said: str) -> Markup:
        """Return the drawing; `said` is what it shows, in words."""
        import matplotlib as mpl

        drawn = StringIO()
        with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
            self.figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
        svg = _bare(drawn.getvalue(), name)
        for colour, stand_in in COLOURS.items():
            svg = svg.replace(stand_in, f"var(--{colour})")
        svg = re.sub(r"@(\d+)@", lambda found: escape(self.words[int(found[1])]), svg)
        described = f'<title id="{name}-title">{escape(title)}</title>'
        described += f'<desc id="{name}-desc">{escape(cut(said, 2000))}</desc>'
        head = f'<svg role="img" aria-labelledby="{name}-title {name}-desc" '
        return Markup(head + svg.removeprefix("<svg ").replace(">", ">" + described, 1))  # noqa: S704 - escaped above


def _bare(svg: str, name: str) -> str:
    """Take the drawing out of its document: no prologue, style sheet, fonts, or names of another chart."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"\s*<(metadata|style)\b.*?</\1>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\n?", "", svg, flags=re.DOTALL)
    svg = re.sub(r' ?font-family: [^;"]*;?', "", svg)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r'(id="|#)([mp][0-9a-f]{10})\b', rf"\g<1>{name}-\g<2>", svg)
    box = re.search(r'viewBox="[^"]*"', svg)
    return f"<svg {box[0] if box else ''}>" + svg[svg.index(">") + 1 :]
