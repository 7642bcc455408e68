"""What the runs of 006 tell: what the gate does with defects that nobody foresaw."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from inference.comparison import MARGIN
from ledger import Line

from findings.markdown import NO_RUNS, mean, rate, signed, table
from findings.run import Arm
from findings.seeds import Seeds, after, before, read_lines
from sft_audit.interval import Rate
from sft_audit.policy import OUTCOMES

KINDS, CONTROL = ("reading-order", "occluded"), "as-is"
JUDGES = ("leaky", "sound")
_CLEAN = "clean"


def result(ledger: Path) -> str:
    """Return what the gate said, and how runs ended by what it saw."""
    lines = read_lines(ledger)
    if not lines:
        return NO_RUNS
    return f"{_gate(lines)}\n\n{_ends(lines)}"


def seen_in_data(own: Line, control: Line) -> bool:
    """Return whether the data audit's verdict is worse than the control's, or it names the changed rows."""
    one, other = own["gate"]["data"], control["gate"]["data"]
    named = one["changed_named"]
    names_them = 2 * named >= one["changed"] > 0 and one["others_named"] < named
    return _worse(one["verdict"], other["verdict"]) or names_them


def seen_in_checkpoint(own: Line, control: Line) -> list[str]:
    """Return on what the checkpoint audit's verdict is worse than the control's: overall, and by axis."""
    one, other = (line["gate"]["checkpoint"] for line in (own, control))
    overall = ["overall"] if _worse(one["verdict"], other["verdict"]) else []
    return overall + [axis for axis in one["axes"] if _worse(one["axes"][axis], other["axes"].get(axis))]


def _worse(verdict: str | None, control: str | None) -> bool:
    """Return whether a verdict is worse than another; an axis that was not asked has none."""
    return _rank(verdict) > _rank(control)


def _rank(verdict: str | None) -> int:
    return OUTCOMES.index(verdict) if verdict in OUTCOMES else 0


def _gate(lines: list[Line]) -> str:
    rows = []
    control = _either(lines, CONTROL)
    for kind in (*KINDS, CONTROL):
        own = _either(lines, kind)
        if not own.by_seed:
            continue
        data, checkpoint = ([line["gate"][side] for line in own.lines] for side in ("data", "checkpoint"))
        counts = [
            f"{fmean(one[of] for one in data):.0f}"
            for of in ("meant", "changed", "changed_named", "others_named")
        ]
        pairs = _pairs(own, control)
        told = Counter(on for pair in pairs for on in seen_in_checkpoint(*pair))
        seen = [
            sum(seen_in_data(*pair) for pair in pairs),
            sum(bool(seen_in_checkpoint(*pair)) for pair in pairs),
        ]
        shown = ["", "", ""]
        if kind != CONTROL:
            shown = [*(rate(Rate(k, len(pairs))) for k in seen), _counted(told)]
        verdicts = [_counted(Counter(one["verdict"] for one in some)) for some in (data, checkpoint)]
        rows.append([kind, str(own.n), *verdicts, *counts, *shown])
    head = ["kind", "seeds", "data audit", "checkpoint audit", "rows meant", "changed", "of these named"]
    return table([*head, "others named", "foreseen by data", "by checkpoint", "worse there on"], rows)


def _counted(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in sorted(counts.items())) or "nothing"


def _ends(lines: list[Line]) -> str:
    """Return how runs ended; a seed counts as seen by either audit, else as a miss or harmless."""
    rows = []
    for kind in (*KINDS, CONTROL):
        for judge in JUDGES:
            own, control = (Seeds.of(lines, _CLEAN, Arm(one, judge)) for one in (kind, CONTROL))
            if not own.by_seed:
                continue
            scores = [mean(own.mean(of)) for of in (before("gold"), after("gold"), after("grounding"))]
            less = None if kind == CONTROL else own.less(control, after("gold"))
            said = [""] * 4 if less is None else [signed(less.difference), *_told(_pairs(own, control))]
            rows.append([kind, judge, str(own.n), rate(own.hacked), *scores, *said])
    head = ["kind", "judge", "runs", "hacked runs", "gold after SFT", "gold after RL", "grounding after RL"]
    return table([*head, "gold less control's", "seen", "a miss", "harmless"], rows)


def _told(pairs: list[tuple[Line, Line]]) -> list[str]:
    """Return how many are seen, a miss and harmless."""
    unseen = [(a, b) for a, b in pairs if not (seen_in_data(a, b) or seen_in_checkpoint(a, b))]
    missed = sum(after("gold")(a) - after("gold")(b) < -MARGIN for a, b in unseen)
    return [rate(Rate(k, len(pairs))) for k in (len(pairs) - len(unseen), missed, len(unseen) - missed)]


def _pairs(own: Seeds, control: Seeds) -> list[tuple[Line, Line]]:
    return list(zip(*own.differing(control, lambda line: line), strict=True))


def _either(lines: list[Line], kind: str) -> Seeds:
    """Return a line a seed, of whichever judge: what the gate said stands in both."""
    return Seeds(
        {line["seed"]: line for judge in JUDGES for line in Seeds.of(lines, _CLEAN, Arm(kind, judge)).lines}
    )
