"""Plain rows: a prompt with its completion, or with a list of them."""

from typing import Any

from sft_audit.logs import Logged, log_format
from sft_audit.logs.field import (
    IDS,
    as_step,
    as_text,
    completion_text,
    first_of,
    is_conversation,
    paid,
    prompt_text,
)
from sft_audit.readers import Content, RowFault
from sft_audit.rewards import GOLD_NAMES

_PROMPTS = ("prompt", "question", "problem", "query", "input", "messages")
_ONE = ("completion", "response", "output", "prediction", "generated_text")
_MANY = ("completions", "responses", "outputs", "predictions", "samples")
_REWARDS = ("reward", "score", "correct", "is_correct", "acc", "accuracy")
_MANY_REWARDS = ("rewards", "scores", "correct", "accuracies", *_REWARDS)
_GOLD = (*GOLD_NAMES, "reward_model")
_STEPS = ("step", "global_step")


def _matches(row: Content) -> bool:
    if first_of(row, _PROMPTS) is None and first_of(row, IDS) is None:
        return False
    return first_of(row, (*_ONE, *_MANY)) is not None or is_conversation(row.get("messages"))


@log_format(
    "plain",
    matches=_matches,
    example={
        "id": "17",
        "prompt": "Which colour?",
        "completions": ["red", "blue"],
        "rewards": [1, 0],
        "solution": "red",
    },
)
def plain(row: Content) -> tuple[Logged, ...]:
    """JSON Lines, JSON, parquet: a prompt and its `completion`, or a list of `completions` with `rewards`.

    Names: prompt, question, problem, query, input or messages; completion, response, output or prediction,
    and their plurals; reward, score or correct; solution, answer, gold, ground_truth or label; id, image
    and step. A row with an id needs no prompt.
    """
    asked = first_of(row, _PROMPTS)
    prompt = "" if asked is None else prompt_text(asked)
    given = _completions(row)
    rewards = _rewards(row, len(given))
    names = first_of(row, ("image", "images"))
    if not given:
        raise RowFault("its list of completions is empty")
    return tuple(
        Logged(
            prompt,
            completion_text(said),
            as_text(first_of(row, _GOLD)),
            reward.reward,
            reward.problem,
            as_step(first_of(row, _STEPS)),
            as_text(first_of(row, IDS)),
            as_text(names),
        )
        for said, reward in zip(given, map(paid, rewards), strict=True)
    )


def _completions(row: Content) -> list[Any]:
    said = first_of(row, (*_ONE, *_MANY))
    if said is None:
        match row.get("messages"):
            case [*_, {"role": "assistant"} as last]:
                return [last]
        raise RowFault("it has no completion")
    return said if isinstance(said, list) and not is_conversation(said) else [said]


def _rewards(row: Content, n: int) -> list[Any]:
    given = first_of(row, _MANY_REWARDS)
    rewards = given if isinstance(given, list) else [given] * (n if given is None else 1)
    if len(rewards) != n:
        raise RowFault(f"{len(rewards)} rewards for {n} completions")
    return rewards
