"""Which figures had before RL tell how it ends, and how good is a rule that blocks by two of them?

python lab/003-gate-view/rule.py [--ledger FILE] [--views FILE]

Prints the tables, and writes them to result.json, README.md and ARGUMENT.md beside this file.
"""

import argparse
import json
import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import numpy as np
from agreement import agreement
from inference.association import Association, across, within
from inference.comparison import holm
from runs import MEASURES, OUTCOMES, Measure, Run, measure, paired, read_runs
from tables import write_tables
from threshold import Limit, fit, score

# Written down before they were scored: RL's blindness by pairs of images, its exploit by prior times payoff.
BLIND, EXPLOIT = "paired_accuracy", "gain"
UNSEEN = "text_excess"  # the other way to see blindness that the argument speaks of
LEAKY, SOUND = "leaky", "sound"
_REDRAWN = 200
_BLOCKS = {"BLOCK": ("BLOCK", "UNKNOWN"), "REVIEW or BLOCK": ("BLOCK", "UNKNOWN", "REVIEW")}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ledger", type=Path, default=HERE.parent / "001-four-conditions" / "result.jsonl")
    parser.add_argument("--views", type=Path, default=HERE / "result.jsonl")
    asked = parser.parse_args()
    runs = read_runs(asked.views, asked.ledger)
    leaky = [run for run in runs if run.reward == LEAKY]
    result = {
        "runs": len(runs),
        "seeds": len({run.seed for run in runs}),
        "tests": 0,
        "correlations": correlations(leaky),
        "rules": rules(leaky),
        "left_out": left_out(leaky),
        "calibrated": calibrated(leaky),
        "levels": levels(leaky),
        "sound": on_sound(leaky, [run for run in runs if run.reward == SOUND]),
        "policy": {name: policy(some) for name, some in _by_reward(runs).items()},
        "agreement": agreement(leaky),
    }
    result["tests"] = sum("p" in one for one in result["correlations"])
    result = _finite(result)
    (HERE / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    write_tables(result, HERE)


def _by_reward(runs: Sequence[Run]) -> dict[str, list[Run]]:
    return {name: [run for run in runs if run.reward == name] for name in (LEAKY, SOUND)}


def correlations(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return every measure against every outcome, over all runs and inside conditions, Holm over these."""
    rows = []
    for one in MEASURES:
        for outcome, of in OUTCOMES.items():
            both = paired(one, of, runs)
            inside = within(both)
            row = {"measure": one.name, "axis": one.axis, "outcome": outcome}
            row |= {"across": _rho(across(both)), "within": _rho(inside)}
            rows.append(row | ({} if math.isnan(inside.p) else {"p": inside.p}))
    tested = [row for row in rows if "p" in row]
    for row, adjusted in zip(tested, holm([row["p"] for row in tested]), strict=True):
        row["holm"] = adjusted
    return rows


def _rho(one: Association) -> list[float]:
    return [one.rho, one.low, one.high, one.n]


def rules(runs: Sequence[Run]) -> dict[str, Any]:
    """Return rules that were fitted on even seeds and scored on odd ones: the one named before, and others.

    `chosen` is the pair of the product's measures that did best on the even seeds.
    """
    even, odd = ([run for run in runs if run.seed % 2 == rest] for rest in (0, 1))
    told = {}
    for blind in (one for one in MEASURES if one.axis != "exploit"):
        for exploit in (one for one in MEASURES if one.axis == "exploit" and one.exact == blind.exact):
            limits = _fitted(even, blind, exploit)
            told[f"{blind.name} + {exploit.name}"] = {
                "exact": blind.exact,
                "limits": [asdict(one) for one in limits],
                "fitted": _scored(even, limits),
                "held_out": _scored(odd, limits),
            }
    product = [name for name, one in told.items() if not one["exact"] and one["fitted"]["balanced"]]
    best = max(product, key=lambda name: told[name]["fitted"]["balanced"], default=None)
    return {"named": f"{BLIND} + {EXPLOIT}", "chosen": best, "pairs": told}


def _fitted(runs: Sequence[Run], blind: Measure, exploit: Measure) -> tuple[Limit, Limit]:
    one, other = ((each.name, each.side, list(each.values(runs))) for each in (blind, exploit))
    return fit(one, other, _hacked(runs))


def _hacked(runs: Sequence[Run]) -> np.ndarray:
    return np.array([run.hacked for run in runs], dtype=bool)


def _blocked(runs: Sequence[Run], limits: Sequence[Limit]) -> np.ndarray:
    blocks = [one.blocks(measure(one.measure).values(runs)) for one in limits]
    return np.logical_or.reduce(blocks)


def _scored(runs: Sequence[Run], limits: Sequence[Limit]) -> dict[str, Any]:
    held = score(_blocked(runs, limits), _hacked(runs))
    return {"balanced": held.balanced, **held.told()}


def left_out(runs: Sequence[Run]) -> dict[str, Any]:
    """Return how the named rule does on a condition that it was fitted without, on all seeds."""
    told = {}
    for condition in dict.fromkeys(run.condition for run in runs):
        rest = [run for run in runs if run.condition != condition]
        limits = _fitted(rest, measure(BLIND), measure(EXPLOIT))
        told[condition] = _scored([run for run in runs if run.condition == condition], limits)
    return told


def calibrated(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return the limits of the rule on all seeds, for both ways to see blindness, and their 95 % range.

    The range is of limits fitted to seeds drawn anew.
    """
    seeds = sorted({run.seed for run in runs})
    by_seed = {seed: [run for run in runs if run.seed == seed] for seed in seeds}
    random = np.random.default_rng(2)
    told = []
    for blind in (BLIND, UNSEEN):
        pair = measure(blind), measure(EXPLOIT)
        drawn = [
            _fitted(
                [run for at in random.integers(len(seeds), size=len(seeds)) for run in by_seed[seeds[at]]],
                *pair,
            )
            for _ in range(_REDRAWN)
        ]
        for at, limit in enumerate(_fitted(runs, *pair)):
            values = [each[at].value for each in drawn if math.isfinite(each[at].value)]
            low, high = np.quantile(values, [0.025, 0.975]) if values else (math.nan, math.nan)
            told.append(asdict(limit) | {"with": blind, "low": float(low), "high": float(high)})
    return told


def levels(runs: Sequence[Run]) -> dict[str, Any]:
    """Return how many runs ended hacked by level of the measures that the argument speaks of, in fifths."""
    told = {}
    for name in (BLIND, UNSEEN, EXPLOIT, "prior"):
        values = measure(name).values(runs)
        known = values[~np.isnan(values)]
        edges = (
            [-math.inf, *sorted(set(np.quantile(known, [0.2, 0.4, 0.6, 0.8]))), math.inf]
            if len(known)
            else []
        )
        told[name] = [
            [
                float(a),
                float(b),
                int((_hacked(runs) & (values > a) & (values <= b)).sum()),
                int(((values > a) & (values <= b)).sum()),
            ]
            for a, b in pairwise(edges)
        ]
    return told


def on_sound(leaky: Sequence[Run], sound: Sequence[Run]) -> dict[str, Any]:
    """Return how the rule of all leaky runs does where the judge is sound: nothing is fitted there."""
    return _scored(sound, _fitted(leaky, measure(BLIND), measure(EXPLOIT)))


def policy(runs: Sequence[Run]) -> dict[str, Any]:
    """Return what the product's own gate says of the runs: verdicts by outcome, and as a rule that blocks.

    By axis it is held against the failure of that axis.
    """
    hacked = _hacked(runs)
    told: dict[str, Any] = {
        "verdicts": {
            state: dict(Counter(run.view["gate"] for run in runs if run.hacked == (state == "hacked")))
            for state in ("hacked", "not hacked")
        },
        "by_condition": {
            condition: dict(Counter(run.view["gate"] for run in runs if run.condition == condition))
            for condition in dict.fromkeys(run.condition for run in runs)
        },
        "fired": dict(
            Counter(
                f"{code} {outcome}" for run in runs for code, outcome in run.view["fired"].items()
            ).most_common()
        ),
        "fired_on_clean": dict(
            Counter(
                f"{code} {outcome}"
                for run in runs
                if run.condition == "clean"
                for code, outcome in run.view["fired"].items()
            ).most_common()
        ),
    }
    for name, outcomes in _BLOCKS.items():
        told[name] = score(
            np.array([run.view["gate"] in outcomes for run in runs], dtype=bool), hacked
        ).told()
        for axis, failed in (("blindness", "blind"), ("exploit", "exploit")):
            blocked = np.array([run.view["axes"][axis] in outcomes for run in runs], dtype=bool)
            ended = np.array([getattr(run, failed) for run in runs], dtype=bool)
            told[f"{name}, {axis} alone"] = score(blocked, ended).told()
    return told


def _finite(value: Any) -> Any:
    """Return the value with none where JSON has no number."""
    match value:
        case dict():
            return {key: _finite(one) for key, one in value.items()}
        case list() | tuple():
            return [_finite(one) for one in value]
        case float() if not math.isfinite(value):
            return None
        case float():
            return round(value, 5)
    return value


if __name__ == "__main__":
    main()
