"""Do the product's figures agree with the lab's exact ones, which know every answer?"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from correlations import rho
from inference.association import Runs, across
from runs import Run, seeds

# The product's figure, the lab's, and whether they are of one scale.
PAIRS = (
    ("accuracy_of_colours", "gold", True),
    ("accuracy", "gold", False),
    ("paired_accuracy", "gold", False),
    ("swap_gain", "gold less swapped", False),
    ("text_accuracy", "text", True),
    ("cue_following", "cue_follow", True),
    ("text_excess", "blind ratio", False),
    ("likelihood_gain", "image_gain", True),
    ("entropy", "entropy", False),
    ("cka_tower", "cka_tower", False),
    ("cka_projector", "cka_projector", False),
    ("cka_tokens_tower", "cka_tower", True),
    ("cka_tokens_projector", "cka_projector", True),
    ("as_is_tower", "probe_as_is", True),
    ("refitted_tower", "probe_refitted", True),
    ("prior", "exploit_prior", True),
    ("exploits", "exploit_prior", True),
    ("honest", "honest_rate", True),
    ("no_signal", "flat", True),
)


def agreement(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return the rank correlation of each pair over checkpoints, and how far apart they are on the mean."""
    told = []
    for ours, exact, alike in PAIRS:
        both = Runs(
            np.array([_ours(run)[ours] for run in runs], dtype=float),
            np.array([_exact(run)[exact] for run in runs], dtype=float),
            np.array([run.condition for run in runs]),
            seeds(runs),
        ).known()
        found = across(both)
        told.append(
            {
                "ours": ours,
                "exact": exact,
                "rho": rho(found),
                "mean": float(both.seen.mean()) if found.n else None,
                "mean_exact": float(both.ended.mean()) if found.n else None,
                "apart": float(np.abs(both.seen - both.ended).mean()) if found.n and alike else None,
            }
        )
    return told


def _ours(run: Run) -> Mapping[str, float]:
    figures = {name: _number(told["sft"]) for name, told in run.measures.items()}
    beside = {**run.view["prompts"], **run.view["reward"]}
    figures |= {name: _number(told) for name, told in beside.items() if not isinstance(told, dict | str)}
    return {ours: float("nan") for ours, _, _ in PAIRS} | figures


def _exact(run: Run) -> Mapping[str, float]:
    start = run.start
    ratios = {"gold less swapped": start.gold - start.swapped, "blind ratio": start.blind_ratio}
    return asdict(start) | run.drift | ratios


def _number(told: float | None) -> float:
    return float("nan") if told is None else told
