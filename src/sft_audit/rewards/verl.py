"""verl: one sample at a time in a worker thread, or a batch."""

import asyncio
import inspect
from collections.abc import Sequence
from typing import Any

from sft_audit.rewards import Rollout, Target, as_floats, convention


def _matches(target: Target) -> bool:
    return {"solution_str", "ground_truth"} <= set(target.parameters)


def _matches_batch(target: Target) -> bool:
    return {"solution_strs", "ground_truths"} <= set(target.parameters)


def verl_in_main(target: Target, rollouts: Sequence[Rollout]) -> list[float | None]:
    """Ask as verl does, but in the main thread."""
    return [_number(target.value(**_keywords(one))) for one in rollouts]


@convention(
    "verl",
    matches=_matches,
    priority=4,
    in_main=verl_in_main,
    source="volcengine/verl 0.9.1 verl/experimental/reward_loop/reward_manager/naive.py; from reading",
)
def verl(target: Target, rollouts: Sequence[Rollout]) -> list[float | None]:
    """`compute_score(data_source, solution_str, ground_truth, extra_info)`, a sample a call, in threads."""
    return [_number(one) for one in asyncio.run(_each(target.value, rollouts))]


@convention(
    "verl-batch",
    matches=_matches_batch,
    priority=4,
    source="volcengine/verl verl/workers/reward_manager/batch.py; from reading",
)
def verl_batch(target: Target, rollouts: Sequence[Rollout]) -> list[float | None]:
    """`compute_score(data_sources, solution_strs, ground_truths, extra_infos)`, once a batch."""
    found = target.value(
        data_sources=[_source(one) for one in rollouts],
        solution_strs=[one.completion for one in rollouts],
        ground_truths=[one.gold for one in rollouts],
        extra_infos=[_extra(one) for one in rollouts],
    )
    return as_floats([_number(one) for one in found], len(rollouts))


async def _each(compute_score: Any, rollouts: Sequence[Rollout]) -> list[Any]:  # noqa: ANN401
    return await asyncio.gather(*(_one(compute_score, _keywords(one)) for one in rollouts))


async def _one(compute_score: Any, keywords: dict[str, Any]) -> Any:  # noqa: ANN401 - the user's function
    """Await an async function; run a sync one in the loop's executor, so not in the main thread."""
    if inspect.iscoroutinefunction(compute_score):
        return await compute_score(**keywords)
    return await asyncio.get_running_loop().run_in_executor(None, lambda: compute_score(**keywords))


def _keywords(one: Rollout) -> dict[str, Any]:
    return {
        "data_source": _source(one),
        "solution_str": one.completion,
        "ground_truth": one.gold,
        "extra_info": _extra(one),
    }


def _source(one: Rollout) -> str:
    return str(one.columns.get("data_source", "unknown"))


def _extra(one: Rollout) -> dict[str, Any]:
    extra = one.columns.get("extra_info")
    return {**(extra if isinstance(extra, dict) else {}), "num_turns": 2, "rollout_reward_scores": {}}


def _number(found: Any) -> float | None:  # noqa: ANN401
    score = found["score"] if isinstance(found, dict) else found
    return None if score is None else float(score)
