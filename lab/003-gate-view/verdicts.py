"""What the product's own gate says of the runs, held against how they ended."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from pairs import not_yet_hacked
from runs import Run, hacked, seeds
from scored import clustered, score

from sft_audit.policy import load_policy

# What the argument speaks of: sight, exploit, and what is asked of RL's prompts.
ARGUED = ("SIG102", "CKP136", "CKP122", "CKP121", "CKP124", "CKP111", "RWD116", "RWD119", "RWD117", "CKP132")
_STOPPED = {"BLOCK or UNKNOWN": ("BLOCK", "UNKNOWN"), "all but PASS": ("BLOCK", "UNKNOWN", "REVIEW")}


def verdicts(runs: Sequence[Run]) -> dict[str, Any]:
    """Return verdicts by outcome and condition, what fired, and the gate as a rule that stops runs.

    By axis it is held against the failure of that axis.
    """
    return {
        "ended": {
            state: dict(Counter(run.view["gate"] for run in runs if run.hacked == (state == "hacked")))
            for state in ("hacked", "not hacked")
        },
        "conditions": [_condition(name, runs) for name in dict.fromkeys(run.condition for run in runs)],
        "fired": _fired(runs),
        "stopped": {
            f"{name}{about}": row
            for about, some in (("", runs), (", not hacked before RL", not_yet_hacked(runs)))
            for name, row in _stopped(some).items()
        },
    }


def _condition(name: str, runs: Sequence[Run]) -> dict[str, Any]:
    own = [run for run in runs if run.condition == name]
    return {
        "condition": name,
        "runs": len(own),
        "was_hacked": sum(run.was_hacked for run in own),
        "hacked": sum(run.hacked for run in own),
        "verdicts": dict(Counter(run.view["gate"] for run in own)),
        "fired": _fired(own),
    }


def _fired(runs: Sequence[Run]) -> dict[str, int]:
    told = Counter(f"{code} {outcome}" for run in runs for code, outcome in run.view["fired"].items())
    return dict(told.most_common())


def _stopped(runs: Sequence[Run]) -> dict[str, Any]:
    of = seeds(runs)
    told = {}
    for name, outcomes in _STOPPED.items():
        gate = np.array([run.view["gate"] in outcomes for run in runs], dtype=bool)
        told[name] = score(gate, hacked(runs), of, clustered)
        for axis, failed in (("blindness", "blind"), ("exploit", "exploit")):
            stopped = np.array([run.view["axes"][axis] in outcomes for run in runs], dtype=bool)
            ended = np.array([getattr(run, failed) for run in runs], dtype=bool)
            told[f"{name}, {axis} alone"] = score(stopped, ended, of, clustered)
    return told


def levels_of_policy() -> dict[str, Any]:
    """Return what the packaged policy does with the checks that the argument speaks of."""
    by_check = {rule.check: rule for rule in load_policy(None).rules}
    rules = [by_check[code] for code in ARGUED]
    return {
        one.check: {"review": one.review_above, "block": one.block_above, "basis": one.basis} for one in rules
    }
