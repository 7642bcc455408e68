"""verl: `STEP.jsonl` under `trainer.rollout_data_dir` or `trainer.validation_data_dir`."""

from sft_audit.logs import Logged, log_format
from sft_audit.logs.field import NOT_PAID, as_step, as_text, completion_text, paid, parts_of, prompt_text
from sft_audit.readers import Content

_MOST = 1e300  # a larger whole number is none that a loss is taken of
_OWN = NOT_PAID | {"input", "output", "gts", "score", "step"}


def _matches(row: Content) -> bool:
    return {"input", "output", "score"} <= row.keys()


@log_format(
    "verl",
    matches=_matches,
    example={
        "input": "user\nWhich colour?\nassistant\n",
        "output": "red",
        "gts": "red",
        "score": 1.0,
        "step": 3,
    },
    priority=20,
)
def verl(row: Content) -> tuple[Logged, ...]:
    """Read `STEP.jsonl` of verl: `input` (the templated prompt), `output`, `gts`, `score`, `step`.

    Numbers beside them are what the reward function told beside the score; `uid` names the group.
    Source: verl-project/verl `verl/trainer/ppo/ray_trainer.py`, `_dump_generations`.
    """
    reward = paid(row["score"])
    return (
        Logged(
            prompt_text(row["input"]),
            completion_text(row["output"]),
            as_text(row.get("gts")),
            reward.reward,
            reward.problem,
            as_step(row.get("step")),
            parts=parts_of(_numbers(row)),
            group=as_text(row.get("uid")),
        ),
    )


def _numbers(row: Content) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in row.items()
        if name not in _OWN and isinstance(value, bool | int | float) and abs(value) < _MOST
    }
