"""ms-swift: `logging.jsonl` in the output folder."""

from collections.abc import Iterator
from pathlib import Path

from sft_audit.logs.field import as_step
from sft_audit.readers import Content, RowFault
from sft_audit.runs.lines import LINES, read_lines
from sft_audit.runs.metric import Metric, Reading, metric_format, numbers

_STEPS = ("global_step/max_steps", "iteration")  # the second is Megatron-SWIFT's
_SUMMARY = "log_history"


def _matches(path: Path, row: Content | None) -> bool:
    if path.name == "logging.jsonl":
        return True
    return path.suffix in LINES and row is not None and "global_step/max_steps" in row


@metric_format("swift", matches=_matches, priority=60, lone=True)
def swift(path: Path, offset: int) -> Reading:
    """ms-swift `logging.jsonl`: a line a log, with the step as `"global_step/max_steps": "5/20"`.

    The line at the end that sums the run up repeats the others, and is passed over. Source:
    modelscope/ms-swift `swift/trainers/patcher.py`, `ProgressCallbackNew`, and
    `swift/pipelines/train/sft.py`, `_save_trainer_state`.
    """
    return read_lines(path, offset, _metrics)


def _metrics(row: Content) -> Iterator[Metric]:
    if _SUMMARY in row:
        return
    at = next((str(row[name]) for name in _STEPS if name in row), "")
    step = as_step(at.partition("/")[0])
    if step is None:
        raise RowFault(f"no step under {_STEPS[0]}")
    for name, value in numbers(row):
        yield Metric(step, name, value)
