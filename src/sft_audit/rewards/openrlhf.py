"""OpenRLHF: a function in a thread, or a server."""

import asyncio
import json
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from sft_audit.rewards import Convention, Rollout, Target, convention


@convention
class OpenRlhf(Convention):
    """`reward_func(queries, prompts, labels)`, one sample a call, in a thread; what it raises is swallowed."""

    name = "openrlhf"
    priority = 4
    per_sample = True
    source = "OpenRLHF/OpenRLHF openrlhf/utils/agent.py"

    @classmethod
    def matches(cls, target: Target) -> bool:
        return target.parameters[:3] == ("queries", "prompts", "labels")

    def score(self, target: Target, rollouts: Sequence[Rollout]) -> list[float | None]:
        return [_first(asyncio.run(_in_thread(target.value, one))) for one in rollouts]


@convention
class OpenRlhfHttp(Convention):
    """A server that takes `query`, `prompts` and `labels` by POST and returns `rewards`."""

    name = "openrlhf-http"
    priority = 5
    source = "OpenRLHF/OpenRLHF openrlhf/utils/remote_rm_utils.py; from reading"

    @classmethod
    def matches(cls, target: Target) -> bool:
        return isinstance(target.value, str) and target.value.startswith(("http://", "https://"))

    def score(self, target: Target, rollouts: Sequence[Rollout]) -> list[float | None]:
        asked = {
            "query": [one.prompt + one.completion for one in rollouts],
            "prompts": [one.prompt for one in rollouts],
            "labels": [one.gold for one in rollouts],
        }
        request = urllib.request.Request(  # noqa: S310 - matches() lets http and https pass alone
            target.value, json.dumps(asked).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            found = json.load(answer)
        rewards = found["rewards"]
        if len(rewards) != len(rollouts):
            raise ValueError(f"returned {len(rewards)} rewards, but {len(rollouts)} were expected")
        return [float(one) for one in rewards]


async def _in_thread(reward_func: Any, one: Rollout) -> Any:  # noqa: ANN401 - the user's function
    return await asyncio.to_thread(
        reward_func, [one.prompt + one.completion], [one.prompt], [one.gold]
    )


def _first(found: Any) -> float | None:  # noqa: ANN401
    rewards = found["rewards"] if isinstance(found, Mapping) else found
    value = rewards.tolist() if hasattr(rewards, "tolist") else rewards
    value = value[0] if isinstance(value, Sequence) else value
    return None if value is None else float(value)
