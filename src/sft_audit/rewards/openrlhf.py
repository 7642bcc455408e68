"""OpenRLHF: a function in a thread, or a server."""

import asyncio
import json
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from sft_audit.rewards import Rollout, Target, as_floats, convention


def _matches(target: Target) -> bool:
    return target.parameters[:3] == ("queries", "prompts", "labels")


def _matches_address(target: Target) -> bool:
    return isinstance(target.value, str) and target.value.startswith(("http://", "https://"))


def openrlhf_in_main(target: Target, rollouts: Sequence[Rollout]) -> list[float | None]:
    """Ask as OpenRLHF does, but in the main thread."""
    return [_first(target.value(*_lists(one))) for one in rollouts]


@convention(
    "openrlhf",
    matches=_matches,
    priority=4,
    in_main=openrlhf_in_main,
    source="OpenRLHF/OpenRLHF openrlhf/utils/agent.py; from reading",
)
def openrlhf(target: Target, rollouts: Sequence[Rollout]) -> list[float | None]:
    """`reward_func(queries, prompts, labels)`, a sample a call, in a thread, its exceptions swallowed."""
    return [_first(asyncio.run(asyncio.to_thread(target.value, *_lists(one)))) for one in rollouts]


@convention(
    "openrlhf-http",
    matches=_matches_address,
    priority=5,
    source="OpenRLHF/OpenRLHF openrlhf/utils/remote_rm_utils.py; from reading",
)
def openrlhf_http(target: Target, rollouts: Sequence[Rollout]) -> list[float | None]:
    """POST `query`, `prompts` and `labels` to a server, which returns `rewards`."""
    asked = {
        "query": [_query(one) for one in rollouts],
        "prompts": [one.prompt for one in rollouts],
        "labels": [one.gold for one in rollouts],
    }
    request = urllib.request.Request(  # noqa: S310 - an address that does not start with http is not matched
        target.value, json.dumps(asked).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return as_floats(json.load(answer)["rewards"], len(rollouts))


def _lists(one: Rollout) -> tuple[list[str], list[str], list[str]]:
    return [_query(one)], [one.prompt], [one.gold]


def _query(one: Rollout) -> str:
    """Return prompt and completion on lines of their own, as a chat template sets them apart."""
    return f"{one.prompt}\n{one.completion}"


def _first(found: Any) -> float | None:  # noqa: ANN401 - what the user's function returns
    rewards = found["rewards"] if isinstance(found, Mapping) else found
    return as_floats(rewards if hasattr(rewards, "__len__") else [rewards], 1)[0]
