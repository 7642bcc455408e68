"""VLMEvalKit: `MODEL_DATASET.tsv`, `.xlsx` or `.json`, written by `run.py`."""

from math import isnan
from string import ascii_uppercase

from sft_audit.logs import Logged, log_format
from sft_audit.logs.field import as_text, completion_text, first_of, paid
from sft_audit.readers import Content, RowFault

_FAILED = "Failed to obtain answer"


def _matches(row: Content) -> bool:
    return {"index", "prediction"} <= row.keys()


@log_format(
    "vlmevalkit",
    matches=_matches,
    example={
        "index": 17,
        "question": "Which colour has the car?",
        "A": "red",
        "B": "blue",
        "answer": "red",
        "prediction": "A",
        "hit": 1,
    },
    priority=20,
)
def vlmevalkit(row: Content) -> tuple[Logged, ...]:
    """VLMEvalKit predictions: the columns of the data set but `image`, and `prediction`.

    The options in columns A, B, ... follow the question, each on a line of its own; `index` is the id. The
    reward is `hit` or `score`, where the file was scored. A row that the harness got no answer for is none.
    Source: open-compass/VLMEvalKit `vlmeval/inference.py`, `infer_data_job`.
    """
    said = row["prediction"]
    if isinstance(said, str) and _FAILED in said:
        raise RowFault("the harness got no answer from the model")
    reward = paid(first_of(row, ("hit", "score")))
    return (
        Logged(
            _prompt(row),
            "" if _is_blank(said) else completion_text(said),
            as_text(row.get("answer")),
            reward.reward,
            reward.problem,
            id=as_text(row["index"]),
            image=as_text(row.get("image_path")),
        ),
    )


def _prompt(row: Content) -> str:
    options = [f"{name}. {row[name]}" for name in ascii_uppercase if not _is_blank(row.get(name))]
    return "\n".join([as_text(row.get("question")) or "", *options])


def _is_blank(cell: object) -> bool:
    """Return whether a cell is empty: no text, or the NaN that pandas writes for one."""
    return cell is None or cell == "" or (isinstance(cell, float) and isnan(cell))
