"""What the repairs of 002 did to the rows, a set a time."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from ledger import Ledger

from findings.detection import NO_SETS, made_by
from findings.markdown import table
from findings.run import in_order

MOST_REMOVED = 1.5  # times the rows that were planted: 002-audited-arms
_DONE = ("planted", "removed", "sound_removed", "rewritten", "sound_rewritten")


def repairs_table(ledger: Path) -> str:
    """Return what each arm did to the rows of each condition, means of sets; and if it removed too many."""
    lines = Ledger(ledger).lines()
    # A set is repaired once, and reinforced under either reward.
    sets = {(line["condition"], line["data"], line["seed"]): line["about"] for line in lines}
    if not sets:
        return NO_SETS
    rows = []
    for condition in in_order({condition for condition, _, _ in sets}):
        for arm in sorted({data for name, data, _ in sets if name == condition}, reverse=True):
            own = [about for (name, data, _), about in sets.items() if (name, data) == (condition, arm)]
            rows.append([condition, arm, str(len(own)), *_done(own)])
    over = sum(one["removed"] > MOST_REMOVED * one["planted"] for one in sets.values())
    head = [
        "condition",
        "data cleaned",
        "sets",
        "planted rows",
        "removed (sound ones)",
        "rewritten (sound ones)",
    ]
    head += ["planted rows left as they were", "drawn anew", "wounds named before", "after"]
    said = f"{over} of {len(sets)} sets had more than {MOST_REMOVED:g} times the planted rows removed."
    return f"{table(head, rows)}\n\n{said} {made_by([one.get('product') for one in sets.values()])}"


def _done(own: Sequence[dict[str, Any]]) -> list[str]:
    count = {name: f"{fmean(one[name] for one in own):.0f}" for name in _DONE}
    left = fmean(sum(one["planted_left"].values()) for one in own)
    return [
        count["planted"],
        f"{count['removed']} ({count['sound_removed']})",
        f"{count['rewritten']} ({count['sound_rewritten']})",
        f"{left:.0f}",
        f"{sum(one['rebalanced'] for one in own)} of {len(own)}",
        *(_wounds(own, when) for when in ("audit", "after")),
    ]


def _wounds(own: Sequence[dict[str, Any]], when: str) -> str:
    named = [wound for one in own for wound in one[when]["wounds"]]
    return ", ".join(f"{wound}: {named.count(wound)}" for wound in sorted(set(named))) or "none"
