"""lmms-eval: `DATE_samples_TASK.jsonl`, written under `--log_samples`."""

from sft_audit.logs import Logged, log_format
from sft_audit.logs.field import Paid, as_text, completion_text, paid, prompt_text
from sft_audit.readers import Content


def _matches(row: Content) -> bool:
    return {"doc_id", "input", "filtered_resps"} <= row.keys()


@log_format(
    "lmms_eval",
    matches=_matches,
    example={
        "doc_id": 0,
        "input": "Is there a dog?",
        "target": "yes",
        "filtered_resps": "yes",
        "pope_accuracy": {"question_id": "0", "score": 1.0, "prediction": "yes", "ground_truth": "yes"},
    },
    priority=20,
)
def lmms_eval(row: Content) -> tuple[Logged, ...]:
    """lmms-eval `DATE_samples_TASK.jsonl`: `input`, `filtered_resps`, `target`, and the metrics of the task.

    The reward is the first metric with a `score`. Source: EvolvingLMMs-Lab/lmms-eval, logged samples.
    """
    scores = (value for value in row.values() if isinstance(value, dict) and "score" in value)
    reward = next((paid(one) for one in scores), Paid(None))
    said = row["filtered_resps"]
    return tuple(
        Logged(
            prompt_text(row["input"]),
            completion_text(one),
            as_text(row.get("target")),
            reward.reward,
            reward.problem,
        )
        for one in (said if isinstance(said, list) else [said])
    )
