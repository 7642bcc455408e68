"""ms-swift's ORM classes."""

import inspect
from collections.abc import Sequence
from functools import cache
from typing import Any

from sft_audit.rewards import Rollout, Target, as_floats, convention, golds_for
from sft_audit.rewards.trl import on_a_loop


def _matches(target: Target) -> bool:
    return inspect.isclass(target.value) and target.parameters[:1] == ("completions",)


@convention(
    "swift",
    matches=_matches,
    priority=3,
    gives="images",
    source="modelscope/ms-swift swift/rewards/orm.py, swift/rl_core/grpo_algorithm.py; from reading",
)
def swift(target: Target, rollouts: Sequence[Rollout]) -> list[float | None]:
    """`Reward()(completions, **columns)`, a batch of texts, from a class."""
    reward = _made(target) if inspect.isclass(target.value) else target.value
    names = sorted({name for one in rollouts for name in one.columns} - {"completions"})
    keywords: dict[str, Any] = {name: [one.columns.get(name) for one in rollouts] for name in names}
    keywords |= golds_for(target, rollouts)
    keywords |= {
        "messages": [_messages(one) for one in rollouts],
        "images": [list(one.images) for one in rollouts],
        "prompt_id": [str(at) for at in range(len(rollouts))],
        "request_id": [str(at) for at in range(len(rollouts))],
        "finish_reason": ["stop"] * len(rollouts),
        "is_truncated": [False] * len(rollouts),
        "trainer_state": None,
    }
    found = reward([one.completion for one in rollouts], **keywords)
    return as_floats(on_a_loop(found) if inspect.iscoroutine(found) else found, len(rollouts))


@cache
def _made(target: Target) -> Any:  # noqa: ANN401 - an object of the user's class
    """Return one object for the whole run, as the trainer makes it."""
    return target.value()


def _messages(one: Rollout) -> list[dict[str, str]]:
    return [{"role": "user", "content": one.prompt}, {"role": "assistant", "content": one.completion}]
