"""LLaMA-Factory: `trainer_log.jsonl` in the output folder."""

from collections.abc import Iterator
from pathlib import Path

from sft_audit.logs.field import as_step
from sft_audit.readers import Content, RowFault
from sft_audit.runs.lines import LINES, read_lines
from sft_audit.runs.metric import Metric, Reading, metric_format, numbers

_PROGRESS = ("current_steps", "total_steps", "percentage")


def _matches(path: Path, row: Content | None) -> bool:
    if path.name == "trainer_log.jsonl":
        return True
    return path.suffix in LINES and row is not None and {"current_steps", "total_steps"} <= row.keys()


@metric_format("llamafactory", matches=_matches, priority=20, lone=True)
def llamafactory(path: Path, offset: int) -> Reading:
    """LLaMA-Factory `trainer_log.jsonl`: loss, reward, accuracy, lr and epoch at `current_steps`.

    Its accuracy is `rewards/accuracies` of a preference trainer; trainer_state.json says more. Source:
    hiyouga/LLaMA-Factory `src/llamafactory/train/callbacks.py`, `LogCallback`.
    """
    return read_lines(path, offset, _metrics)


def _metrics(row: Content) -> Iterator[Metric]:
    step = as_step(row.get("current_steps"))
    if step is None:
        raise RowFault("no current_steps")
    for name, value in numbers(row):
        if name not in _PROGRESS:
            yield Metric(step, name, value)
