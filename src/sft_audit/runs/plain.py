"""Plain JSON Lines: rows with a step and numbers."""

from collections.abc import Iterator
from pathlib import Path

from sft_audit.logs import is_logged
from sft_audit.logs.field import as_step
from sft_audit.readers import Content, RowFault
from sft_audit.runs.lines import LINES, read_lines
from sft_audit.runs.metric import Metric, Reading, metric_format, number, numbers

STEPS = ("step", "global_step", "_step", "iteration", "train/global_step", "trainer/global_step")
_NAMES = ("name", "metric", "tag", "key")


def _matches(path: Path, row: Content | None) -> bool:
    if row is None or path.suffix not in LINES or is_logged(row):
        return False
    try:
        return next(metrics(row), None) is not None
    except RowFault:
        return False


@metric_format("plain", matches=_matches, priority=10)
def plain(path: Path, offset: int) -> Reading:
    """JSON Lines with a step (`step`, `global_step`, `_step`, `iteration`) and a number a field.

    Or with a number a line: its name under `name`, `metric`, `tag` or `key`, the number under `value`.
    """
    return read_lines(path, offset, metrics)


def metrics(row: Content) -> Iterator[Metric]:
    """Yield the numbers of a row under its step; raise RowFault where it has none."""
    counted = {name.lower(): name for name in row if name.lower() in STEPS}
    step = next((as_step(row[counted[name]]) for name in STEPS if name in counted), None)
    if step is None:
        raise RowFault(f"no step among its fields {', '.join(list(row)[:8])}")
    named = next((row[name] for name in _NAMES if isinstance(row.get(name), str)), None)
    if named is not None and "value" in row:
        value = number(row["value"])
        if value is not None:
            yield Metric(step, named, value)
        return
    for name, value in numbers(row):
        if name not in counted.values():
            yield Metric(step, name, value)
