"""Where limits lie on all seeds, and how many runs ended hacked level by level."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np
from inference.redrawn import redrawn
from pairs import BLIND, EXPLOIT, fitted
from runs import Run, hacked, measure, seeds

UNSEEN = "text_excess"  # the other way to see blindness that the argument speaks of
_REDRAWN = 1000


def calibrated(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return the limits of the rule on all seeds, for both ways to see blindness.

    `range`: the middle 95 % of the limits of seeds drawn anew, a limit of never counted in at its end; none
    of fewer than 8 seeds. `never`: how many of so many draws have no limit.
    """
    weights = redrawn(seeds(runs), _REDRAWN)
    told = []
    for blind in (BLIND, UNSEEN):
        pair = measure(blind), measure(EXPLOIT)
        drawn = [fitted([runs[at] for at in np.repeat(np.arange(len(runs)), row)], *pair) for row in weights]
        rule = fitted(runs, *pair)
        for limit, anew in (
            (rule.blind, [one.blind.value for one in drawn]),
            (rule.exploit, [one.exploit.value for one in drawn]),
        ):
            between = np.quantile(anew, [0.025, 0.975], method="inverted_cdf") if anew else ()
            told.append(
                asdict(limit)
                | {
                    "with": blind,
                    "range": [float(one) for one in between] or None,
                    "never": [sum(map(math.isinf, anew)), len(anew)],
                }
            )
    return told


def levels(runs: Sequence[Run]) -> dict[str, Any]:
    """Return how many runs ended hacked by level of the measures that the argument speaks of, in fifths.

    A level: its ends, hacked and all runs, and these of runs that were not hacked before RL.
    """
    ended, fresh = hacked(runs), np.array([not run.was_hacked for run in runs], dtype=bool)
    told: dict[str, Any] = {}
    for name in (BLIND, UNSEEN, EXPLOIT, "prior"):
        values = measure(name).values(runs)
        known = values[~np.isnan(values)]
        cuts = sorted(set(np.quantile(known, [0.2, 0.4, 0.6, 0.8]))) if len(known) else []
        told[name] = []
        for low, high in pairwise([-math.inf, *cuts, math.inf]):
            here = (values > low) & (values <= high)
            counts = (here & ended, here, here & fresh & ended, here & fresh)
            told[name].append([float(low), float(high), *(int(some.sum()) for some in counts)])
    return told
