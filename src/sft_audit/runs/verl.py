"""verl: `EXPERIMENT.jsonl`, which `trainer.logger=["file"]` writes."""

from collections.abc import Iterator
from math import nan
from pathlib import Path

from sft_audit.logs.field import as_step
from sft_audit.readers import Content, RowFault
from sft_audit.runs.lines import LINES, read_lines
from sft_audit.runs.metric import Metric, Reading, metric_format, numbers


def _matches(path: Path, row: Content | None) -> bool:
    match row:
        case {"step": int(), "data": dict()}:
            return path.suffix in LINES
    return False


@metric_format("verl", matches=_matches, priority=50, lone=True)
def verl(path: Path, offset: int) -> Reading:
    """File logger of verl: a line a step, `{"step": 5, "data": {"critic/score/mean": 0.5}}`.

    It writes nan and infinities as null: a null is read as nan. Source: verl-project/verl
    `verl/utils/tracking.py`, `FileLogger`.
    """
    return read_lines(path, offset, _metrics)


def _metrics(row: Content) -> Iterator[Metric]:
    step, data = as_step(row.get("step")), row.get("data")
    if step is None or not isinstance(data, dict):
        raise RowFault("no step with data")
    for name, value in numbers(data, null=nan):
        yield Metric(step, name, value)
