"""Every measure against every outcome, over all runs and inside conditions."""

import math
from collections.abc import Sequence
from typing import Any

from inference.association import Association, across, within
from inference.comparison import holm
from runs import MEASURES, OUTCOMES, Run, against


def correlations(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return a row a measure and outcome; Holm's p over all tests inside conditions."""
    rows = []
    for one in MEASURES:
        for outcome, of in OUTCOMES.items():
            both = against(one, of, runs)
            inside = within(both)
            row = {"measure": one.name, "axis": one.axis, "outcome": outcome}
            row |= {"across": rho(across(both)), "within": rho(inside)}
            rows.append(row | ({} if math.isnan(inside.p) else {"p": inside.p}))
    tested = [row for row in rows if "p" in row]
    for row, adjusted in zip(tested, holm([row["p"] for row in tested]), strict=True):
        row["holm"] = adjusted
    return rows


def rho(one: Association) -> list[float]:
    """Return rho, its interval, the runs, and the draws that had none."""
    return [one.rho, one.low, one.high, one.n, one.lost]
