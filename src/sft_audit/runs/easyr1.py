"""EasyR1: `experiment_log.jsonl`, which `trainer.logger: ["file"]` writes."""

from collections.abc import Iterator
from pathlib import Path

from sft_audit.logs.field import as_step
from sft_audit.readers import Content, RowFault
from sft_audit.runs.lines import LINES, read_lines
from sft_audit.runs.metric import Metric, Reading, metric_format, numbers


def _matches(path: Path, row: Content | None) -> bool:
    if path.name == "experiment_log.jsonl":
        return True
    match row:
        case {"step": int(), "critic": dict()} | {"step": int(), "val": dict()}:
            return path.suffix in LINES
    return False


@metric_format("easyr1", matches=_matches, priority=50, lone=True)
def easyr1(path: Path, offset: int) -> Reading:
    """EasyR1 `experiment_log.jsonl`: a line a step, nested at the slashes of the names.

    The names are joined again: `{"step": 5, "critic": {"score": {"mean": 0.5}}}` is `critic/score/mean`.
    Source: hiyouga/EasyR1 `verl/utils/logger/logger.py`, `FileLogger`.
    """
    return read_lines(path, offset, _metrics)


def _metrics(row: Content) -> Iterator[Metric]:
    step = as_step(row.get("step"))
    if step is None:
        raise RowFault("no step")
    for name, value in numbers(row):
        if name != "step":
            yield Metric(step, name, value)
