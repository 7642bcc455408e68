"""verl's reward manager classes: of the reward loop, and the older ones that are called with a batch."""

import asyncio
import inspect
import threading
from collections.abc import Coroutine, Sequence
from functools import cache
from typing import Any

from sft_audit.rewards import Rollout, Target, as_floats, convention
from sft_audit.rewards.verl_data import CharacterTokenizer, batch_of, settings


def _matches(target: Target) -> bool:
    return inspect.isclass(target.value) and hasattr(target.value, "run_single")


def _matches_older(target: Target) -> bool:
    return inspect.isclass(target.value) and target.parameters[:1] == ("data",)


def _prepare(target: Target) -> None:  # noqa: ARG001 - as every convention is prepared
    batch_of([Rollout("", "", "")])


def manager_in_main(target: Target, rollouts: Sequence[Rollout]) -> list[float | None]:
    """Ask as verl's reward loop does, but on a loop in the main thread."""
    return _main_loop().run_until_complete(_all(_made(target, "main"), rollouts))


@convention(
    "verl-manager",
    matches=_matches,
    priority=6,
    in_main=manager_in_main,
    prepare=_prepare,
    gives="images",
    source="volcengine/verl 0.9.1 verl/experimental/reward_loop; from reading, with stand-ins for DataProto",
)
def verl_manager(target: Target, rollouts: Sequence[Rollout]) -> list[float | None]:
    """`await Manager(config, tokenizer, ...).run_single(data)`, a sample each, on a loop in a thread."""
    return _on_the_loop(_all(_made(target, "loop"), rollouts))


@convention(
    "verl-manager-batch",
    matches=_matches_older,
    priority=6,
    prepare=_prepare,
    gives="images",
    source="volcengine/verl verl/workers/reward_manager/naive.py; from reading, with stand-ins for DataProto",
)
def verl_manager_batch(target: Target, rollouts: Sequence[Rollout]) -> list[float | None]:
    """`Manager(tokenizer, num_examine, ...)(data, return_dict=True)`, a batch, in the main thread."""
    found = _made(target, "call")(batch_of(rollouts), return_dict=True)
    rewards = found["reward_tensor"] if isinstance(found, dict) else found
    return as_floats(rewards.sum(-1), len(rollouts))  # one token of a row has the reward, the others 0


async def _all(manager: Any, rollouts: Sequence[Rollout]) -> list[float | None]:  # noqa: ANN401
    batch = batch_of(rollouts)
    asked = (manager.run_single(batch[at : at + 1]) for at in range(len(rollouts)))
    return [_score(one) for one in await asyncio.gather(*asked)]


def _score(found: Any) -> float | None:  # noqa: ANN401 - what the user's manager returns
    score = found["reward_score"]
    return None if score is None else float(score)


@cache
def _made(target: Target, where: str) -> Any:  # noqa: ANN401 - an object of the user's class
    """Return one manager for the whole run and thread, made of the arguments that its `__init__` names.

    It gets its module's own `compute_score`, where there is one.
    """
    given = {
        "config": settings(),
        "tokenizer": CharacterTokenizer(),
        "compute_score": getattr(target.module, "compute_score", _no_score),
    }
    if where == "call":
        given |= {"num_examine": 0, "reward_fn_key": "data_source"}
    else:
        given |= {"reward_router_address": None, "reward_model_tokenizer": None}
    named = inspect.signature(target.value).parameters
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in named.values()):
        return target.value(**given)
    return target.value(**{name: value for name, value in given.items() if name in named})


def _no_score(*values: object, **named: object) -> float:
    raise NotImplementedError(
        "verl's own default_compute_score is not asked; put a compute_score beside the manager"
    )


def _on_the_loop(work: Coroutine[Any, Any, list[float | None]]) -> list[float | None]:
    """Run a coroutine on the one loop, in a thread of its own, that managers may keep for the whole run."""
    return asyncio.run_coroutine_threadsafe(work, _worker_loop()).result()


@cache
def _worker_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop


@cache
def _main_loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()
