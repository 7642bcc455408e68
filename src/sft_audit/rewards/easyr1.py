"""EasyR1: response, length and known answer, nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any

from sft_audit.rewards import Convention, Rollout, Target, as_floats, convention


@convention
class EasyR1(Convention):
    """`compute_score(reward_inputs)` a batch, `compute_score(reward_input)` one by one; dicts with `overall`."""

    name = "easyr1"
    priority = 4
    source = "hiyouga/EasyR1 verl/workers/reward/function.py"

    @classmethod
    def matches(cls, target: Target) -> bool:
        return bool({"reward_inputs", "reward_input"} & set(target.parameters))

    def score(self, target: Target, rollouts: Sequence[Rollout]) -> list[float | None]:
        inputs = [_input(one) for one in rollouts]
        if _is_sequential(target):
            scores = [target.value(one) for one in inputs]
        else:
            scores = target.value(inputs)
        return as_floats([_overall(one) for one in scores], len(rollouts))


def _is_sequential(target: Target) -> bool:
    declared = getattr(target.module, "REWARD_TYPE", None)
    return declared == "sequential" or declared is None and "reward_input" in target.parameters


def _input(one: Rollout) -> dict[str, Any]:
    return {
        "response": one.completion,
        "response_length": len(one.completion.encode("utf-8", "replace")) // 4,
        "ground_truth": one.gold,
    }


def _overall(score: Any) -> float:  # noqa: ANN401 - the user's function
    return float(score["overall"] if isinstance(score, Mapping) else score)
