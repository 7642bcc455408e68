"""ms-swift: `completions.jsonl`, written under `log_completions`."""

from itertools import repeat
from typing import Any

from sft_audit.logs import Logged, log_format
from sft_audit.logs.field import (
    NOT_PAID,
    as_step,
    as_text,
    completion_text,
    first_of,
    is_conversation,
    paid,
    parts_of,
    prompt_text,
)
from sft_audit.readers import Content, RowFault
from sft_audit.rewards import GOLD_NAMES

_OWN = ("step", "prompt", "completion", "advantages", "entropy")


def _matches(row: Content) -> bool:
    match row:
        case {"prompt": [str() | list(), *_], "completion": [str() | list(), *_]}:
            return True
    return False


@log_format(
    "swift",
    matches=_matches,
    example={
        "step": ["5", "5"],
        "prompt": ["Which colour?", "Which colour?"],
        "completion": ["red", "blue"],
        "Accuracy": [1.0, 0.0],
        "solution": ["red", "red"],
        "advantages": [0.7, -0.7],
    },
    priority=20,
)
def swift(row: Content) -> tuple[Logged, ...]:
    """ms-swift `completions.jsonl`: an object a log, whose values are lists of one entry a completion.

    The reward is the sum over the lists of numbers other than `advantages`, `entropy`, known answers, ids and
    images: reward functions at weight 1. Source: modelscope/ms-swift
    `swift/trainers/rlhf_trainer/grpo_trainer.py`, `log`.
    """
    n = len(row["completion"])
    lists = {
        name: value for name, value in row.items() if isinstance(value, list) and not is_conversation(value)
    }
    for name, value in lists.items():
        if len(value) != n:
            raise RowFault(f"{len(value)} entries of {name} for {n} completions")
    rewards = {
        name: value
        for name, value in lists.items()
        if name not in _OWN and name not in NOT_PAID and _numbers(value)
    }
    steps: Any = lists.get("step") or repeat(row.get("step"), n)
    golds: Any = first_of(lists, GOLD_NAMES) or repeat(None, n)
    found = []
    for at, (step, gold) in enumerate(zip(steps, golds, strict=True)):
        given = {name: paid(one[at]) for name, one in rewards.items() if one[at] is not None}
        numbers = {name: one.reward for name, one in given.items() if one.reward is not None}
        reward = sum(numbers.values()) if numbers else None
        problem = None if numbers else next((one.problem for one in given.values()), None)
        asked, said = prompt_text(row["prompt"][at]), completion_text(row["completion"][at])
        parts = parts_of(numbers)
        found.append(Logged(asked, said, as_text(gold), reward, problem, as_step(step), parts=parts))
    return tuple(found)


def _numbers(values: list[Any]) -> bool:
    return all(one is None or isinstance(one, int | float) for one in values)
