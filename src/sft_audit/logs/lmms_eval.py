"""lmms-eval: `DATE_samples_TASK.jsonl`, written under `--log_samples`."""

from typing import Any

from sft_audit.logs import Logged, log_format
from sft_audit.logs.field import Paid, as_step, as_text, completion_text, first_of, paid, prompt_text
from sft_audit.readers import Content, RowFault

_OWN = frozenset(
    ("doc_id", "target", "input", "resps", "filtered_resps", "doc_hash", "token_counts", "input_media")
)
_IDS = ("question_id", "id", "index")


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
        "doc_hash": "74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b",
        "pope_accuracy": {"question_id": "0", "score": 1.0, "prediction": "yes", "ground_truth": "yes"},
    },
    priority=20,
)
def lmms_eval(row: Content) -> tuple[Logged, ...]:
    """lmms-eval `DATE_samples_TASK.jsonl`: `input`, `resps` or `filtered_resps`, `target`, the metrics.

    `resps` are what the model said, left out where no filter changed it; with `repeats` they are several, of
    which the task scores the filtered one. The reward is the first metric with a `score`, else the first that
    is a number. The id is the one that a metric names; `doc_id` counts the rows of the task's data from 0.
    Source: EvolvingLMMs-Lab/lmms-eval 0.7.3, `loggers/evaluation_tracker.py`, `save_results_samples`.
    """
    scored = row["filtered_resps"]
    said = _texts(row.get("resps", scored))
    metrics = [value for name, value in row.items() if name not in _OWN]
    reward = _reward(metrics)
    named = next((one for one in metrics if isinstance(one, dict) and first_of(one, _IDS) is not None), {})
    doc = as_step(row["doc_id"])
    found = []
    for one in said:
        own = reward if len(said) == 1 or one == scored else Paid(None)
        found.append(
            Logged(
                prompt_text(row["input"]),
                one,
                as_text(row.get("target")),
                own.reward,
                own.problem,
                id=as_text(first_of(named, _IDS)),
                position=None if doc is None else doc + 1,
            )
        )
    return tuple(found)


def _texts(said: Any) -> list[str]:  # noqa: ANN401 - any value of a row
    """Return the completions in what was logged: one, a list of them, or a list a request of lists of one."""
    match said:
        case [[_, _, *_], *_]:
            raise RowFault("it logs likelihoods of choices, no completion")
        case [[_], *_]:
            return [text for one in said for text in _texts(one[0])]
        case [_, *_]:
            return [completion_text(one) for one in said]
        case []:
            raise RowFault("its list of completions is empty")
    return [completion_text(said)]


def _reward(metrics: list[Any]) -> Paid:
    scores = (one for one in metrics if isinstance(one, dict) and "score" in one)
    numbers = (one for one in metrics if isinstance(one, bool | int | float))
    return next((paid(one) for group in (scores, numbers) for one in group), Paid(None))
