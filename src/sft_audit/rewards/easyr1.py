"""EasyR1: response, length and known answer, nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any

from sft_audit.rewards import Rollout, Target, as_floats, convention


def _matches(target: Target) -> bool:
    return bool({"reward_inputs", "reward_input"} & set(target.parameters))


@convention(
    "easyr1",
    matches=_matches,
    priority=4,
    source="hiyouga/EasyR1 verl/workers/reward/function.py; from reading",
)
def easyr1(target: Target, rollouts: Sequence[Rollout]) -> list[float | None]:
    """`compute_score(reward_inputs)` a batch, `compute_score(reward_input)` each; dicts with `overall`."""
    inputs = [_input(one) for one in rollouts]
    scores = [target.value(one) for one in inputs] if _is_sequential(target) else target.value(inputs)
    return as_floats([_overall(one) for one in scores], len(rollouts))


def _is_sequential(target: Target) -> bool:
    declared = getattr(target.module, "REWARD_TYPE", None)
    return declared == "sequential" or (declared is None and "reward_input" in target.parameters)


def _input(one: Rollout) -> dict[str, Any]:
    return {
        "response": one.completion,
        "response_length": -(-len(one.completion.encode("utf-8", "replace")) // 4),
        "ground_truth": one.gold,
    }


def _overall(score: Any) -> float:  # noqa: ANN401 - what the user's function returns
    return float(score["overall"] if isinstance(score, Mapping) else score)
