"""Hacked runs by dose, and the dose that hacks half of them."""

from collections.abc import Sequence
from dataclasses import fields
from math import inf
from operator import attrgetter

from inference.dose_response import Dose, DoseResponse, dose_response
from world import CONDITIONS
from world.condition import Condition
from world.dataset import ROWS

from findings.markdown import NO_RUNS, mean, percent, rate, table
from findings.run import WAYS, Runs

DOSED = {"rejected": "rows with a rejected response", "leak": "tags that are the answer"}
OF = {"rejected": "of the rows with an image", "leak": "of the questions about places"}


def dosed(kind: str) -> list[Condition]:
    """Return the conditions in which nothing is wrong but a dose of this kind, the lowest first."""
    clean = CONDITIONS["clean"]
    others = [one.name for one in fields(Condition) if one.name not in {"name", kind}]
    found = [one for one in CONDITIONS.values() if all(getattr(one, o) == getattr(clean, o) for o in others)]
    return sorted((one for one in found if getattr(one, kind)), key=lambda one: getattr(one, kind))


def doses(runs: Runs, kind: str) -> list[Dose]:
    """Return the counts of the runs as they are by dose, in percent."""
    counted = [(100 * getattr(one, kind), runs.of(one.name).hacked) for one in dosed(kind)]
    return [Dose(round(dose, 6), hacked.k, hacked.n) for dose, hacked in counted if hacked.n]


def dose_table(runs: Runs, kind: str) -> str:
    """Return hacked runs by dose, and the ED50."""
    title = f"**{DOSED[kind].capitalize()}**, dose in % {OF[kind]}"
    found = doses(runs, kind)
    if not found:
        return f"{title}: {NO_RUNS.lower()}"
    rows = []
    for condition in dosed(kind):
        own = runs.of(condition.name)
        if own.all:
            ways = [str(own.count(way).k) for way in WAYS]
            score = mean(own.mean(attrgetter("end.gold")))
            dose = [percent(100 * getattr(condition, kind)), *_planted(condition)]
            rows.append([*dose, str(len(own.all)), rate(own.hacked), *ways, score])
    counted = ["rows"] if _planted(dosed(kind)[0]) else []
    head = ["dose", *counted, "runs", "hacked", "exploit", "blind", "multimodal score"]
    said = "One dose tells no curve." if len(found) < 2 else ed50(dose_response(found), found)
    return f"{title}\n\n{table(head, rows)}\n\n{said}"


def _planted(condition: Condition) -> list[str]:
    """Return the number of rejected rows; how many questions are about places differs by seed."""
    pictured = ROWS - round(ROWS * condition.text)
    return [f"{round(pictured * condition.rejected):,} of {ROWS:,}"] if condition.rejected else []


def ed50(response: DoseResponse, found: Sequence[Dose]) -> str:
    """Say at which dose half of the runs are hacked."""
    low = percent(response.low) if response.low else "below all doses"
    high = percent(response.high) if response.high < inf else "above all doses"
    within = f"profile-likelihood interval: {low} to {high}"
    if response.slope == 0:
        return "Runs are not hacked more often at a higher dose: there is no ED50."
    if response.bracket is None:
        rising = f"the logit rises by {response.slope:.1f} per tenfold dose"
        return f"ED50: {percent(response.ed50)} ({within}); {rising}."
    below, above = response.bracket
    if below == 0:
        where = f"at or below {percent(above)}, the lowest dose tried"
        if above > found[0].dose:
            where = f"below {percent(above)}"
    elif above == inf:
        where = f"above {percent(below)}"
    elif below == above:
        where = f"near {percent(below)}, where just half are hacked"
    else:
        where = f"between {percent(below)} and {percent(above)}"
    return f"ED50: {where} ({within}). The doses are separated: no slope is the likeliest, no point is named."
