"""Rules of two measures, one of sight and one of the exploit: fitted on some runs, scored on others."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from runs import MEASURES, Measure, Run, hacked, measure, seeds
from scored import Share, clustered, exact, score
from threshold import Rule, fit

# Written down before they were scored: RL's blindness by pairs of images, its exploit by prior times payoff.
BLIND, EXPLOIT = "paired_accuracy", "gain"
NAMED = f"{BLIND} + {EXPLOIT}"
DEVELOPMENT = 3  # seeds below it had been looked at before the product and what is told of rules were settled
BOASTING = ("rejected-5", "all")  # conditions whose models boast: all that the two judges pay unlike


def rules(runs: Sequence[Run]) -> dict[str, Any]:
    """Return rules that were fitted on even seeds and scored on odd ones: the one named before, and others.

    `chosen` is the pair of the product's measures that did best on the even seeds, of those that did as well
    the one with most room; `tied` is how many did as well.
    """
    even, odd = halves(runs)
    told: dict[str, Any] = {}
    ranks: dict[str, tuple[float, float]] = {}
    for blind in (one for one in MEASURES if one.axis != "exploit"):
        for exploit in (one for one in MEASURES if one.axis == "exploit" and one.exact == blind.exact):
            name, rule = f"{blind.name} + {exploit.name}", fitted(even, blind, exploit)
            told[name] = asdict(rule) | {
                "exact": blind.exact,
                "held_out": held_against(odd, rule, exact),
                "not_yet": held_against(not_yet_hacked(odd), rule, exact),
            }
            if not blind.exact and not math.isnan(rule.balanced):
                ranks[name] = rule.balanced, rule.room
    best = max(ranks, key=lambda name: ranks[name], default=None)
    tied = sum(one[0] == ranks[best][0] for one in ranks.values()) if best else 0
    return {
        "named": NAMED,
        "chosen": best,
        "tied": tied,
        "pairs": told,
        "splits": {name: splits(runs, name) for name in dict.fromkeys((NAMED, best)) if name},
    }


def splits(runs: Sequence[Run], name: str) -> list[dict[str, Any]]:
    """Return a pair as it was planned, and without the seeds that had been looked at."""
    rows = []
    for first, about in (
        (0, "even seeds, scored on odd ones"),
        (DEVELOPMENT, f"even seeds from {DEVELOPMENT + 1} on, scored on odd ones from {DEVELOPMENT} on"),
    ):
        even, odd = halves([run for run in runs if run.seed >= first])
        rule = fitted(even, *(measure(one) for one in name.split(" + ")))
        rows += [
            asdict(rule) | {"fitted": about, "scored": which, **held_against(some, rule, exact)}
            for which, some in (("all", odd), ("not hacked before RL", not_yet_hacked(odd)))
        ]
    return rows


def halves(runs: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    """Return the runs of even seeds, and those of odd ones."""
    even, odd = ([run for run in runs if run.seed % 2 == rest] for rest in (0, 1))
    return even, odd


def not_yet_hacked(runs: Sequence[Run]) -> list[Run]:
    """Return the runs whose checkpoint was not hacked before RL."""
    return [run for run in runs if not run.was_hacked]


def fitted(runs: Sequence[Run], blind: Measure, exploit: Measure) -> Rule:
    """Fit the rule of two measures to the runs."""
    one, other = ((each.name, each.side, list(each.values(runs))) for each in (blind, exploit))
    return fit(one, other, hacked(runs))


def held_against(runs: Sequence[Run], rule: Rule, share: Share) -> dict[str, Any]:
    """Return how often the rule is right about the runs."""
    blocked = np.logical_or(
        *(limit.blocks(measure(limit.measure).values(runs)) for limit in (rule.blind, rule.exploit))
    )
    return score(blocked, hacked(runs), seeds(runs), share)


def left_out(runs: Sequence[Run]) -> dict[str, Any]:
    """Return how the named rule does on a condition that it was fitted without, on all seeds."""
    told = {}
    for condition in dict.fromkeys(run.condition for run in runs):
        rule = fitted([run for run in runs if run.condition != condition], measure(BLIND), measure(EXPLOIT))
        told[condition] = held_against([run for run in runs if run.condition == condition], rule, exact)
    return told


def under_sound(leaky: Sequence[Run], sound: Sequence[Run]) -> dict[str, Any]:
    """Return how the named rule, of even seeds under the leaky judge, does on odd ones under the sound one.

    `again`: of the runs whose models do not boast, those that ended in every figure as under the leaky judge.
    """
    rule = fitted(halves(leaky)[0], measure(BLIND), measure(EXPLOIT))
    odd = halves(sound)[1]
    groups = {name: [run for run in odd if run.condition == name] for name in BOASTING}
    rest = [run for run in odd if run.condition not in BOASTING]
    ends = {(run.condition, run.seed): str(run.end) for run in leaky}
    again = Counter(ends.get((run.condition, run.seed)) == str(run.end) for run in rest)
    return {
        "groups": {
            name: held_against(some, rule, clustered) for name, some in (groups | {"the rest": rest}).items()
        },
        "again": [again[True], len(rest)],
    }
