"""TRL: `completions/completions_STEP.parquet`, written under `log_completions`."""

from math import isnan

from sft_audit.logs import Logged, log_format
from sft_audit.logs.field import (
    NOT_PAID,
    Paid,
    as_step,
    as_text,
    completion_text,
    first_of,
    paid,
    parts_of,
    prompt_text,
)
from sft_audit.readers import Content
from sft_audit.rewards import GOLD_NAMES

_OWN = ("step", "prompt", "completion", "advantage")


def _matches(row: Content) -> bool:
    return {"prompt", "completion", "advantage"} <= row.keys() and isinstance(row["advantage"], float)


@log_format(
    "trl",
    matches=_matches,
    example={
        "step": 5,
        "prompt": [
            {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Which colour?"}]}
        ],
        "completion": [{"role": "assistant", "content": "red"}],
        "accuracy_reward": 1.0,
        "solution": "red",
        "advantage": 0.5,
    },
    priority=30,
)
def trl(row: Content) -> tuple[Logged, ...]:
    """TRL `completions/completions_STEP.parquet`: a row a completion, a column a reward function.

    The reward is the sum over the columns of floats other than `advantage`, known answers, ids and images:
    reward functions at weight 1, as TRL adds them, without those that gave none. Source:
    huggingface/trl `trl/trainer/grpo_trainer.py`, `log`.
    """
    given = {
        name: value
        for name, value in row.items()
        if name not in _OWN and name not in NOT_PAID and isinstance(value, float)
    }
    numbers = {name: value for name, value in given.items() if not isnan(value)}
    reward = (
        paid(sum(numbers.values()))
        if numbers
        else Paid(None, "no reward function gave one" if given else None)
    )
    return (
        Logged(
            prompt_text(row["prompt"]),
            completion_text(row["completion"]),
            as_text(first_of(row, GOLD_NAMES)),
            reward.reward,
            reward.problem,
            as_step(row.get("step")),
            as_text(row.get("id")),
            as_text(row.get("image")),
            parts=parts_of(numbers),
        ),
    )
