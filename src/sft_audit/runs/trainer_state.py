"""transformers, TRL and what stands on them: `trainer_state.json` of a checkpoint."""

import json
import re
from collections.abc import Iterator
from math import nan
from pathlib import Path

from sft_audit.logs.field import as_step
from sft_audit.readers import Content
from sft_audit.readers.file_bytes import FileBytes
from sft_audit.runs.metric import Metric, Reading, Unread, metric_format, numbers

NAME = "trainer_state.json"
_HISTORY = re.compile(r'"log_history"\s*:\s*\[')
_LIMIT = 512 << 20
_HEAD = 64 << 10
_GAP = re.compile(r"[\s,]*")
_decode = json.JSONDecoder().raw_decode


def _matches(path: Path, row: Content | None) -> bool:  # noqa: ARG001 - the file is one object
    if path.name == NAME:
        return True
    if path.suffix != ".json":
        return False
    with path.open("rb") as file:
        return b'"log_history"' in file.read(_HEAD)


@metric_format("trainer_state", matches=_matches, priority=40)
def trainer_state(path: Path, offset: int) -> Reading:  # noqa: ARG001 - it is written anew each time
    """State of transformers, TRL, ms-swift and LLaMA-Factory: `log_history` in trainer_state.json.

    nan stands bare in it, and TRL's GRPO writes a mean that is nan as null. Of a file that breaks off, what
    stands before is read. Source: huggingface/transformers
    `src/transformers/trainer_callback.py`, `TrainerState`.
    """
    with FileBytes(path) as source:
        if source.size > _LIMIT:
            yield Unread(path.name, 1, f"a state of more than {_LIMIT >> 20} MiB")
            return 0
        text = source.read(0, source.size).decode(errors="replace")
    found = _HISTORY.search(text)
    if found is None:
        yield Unread(path.name, 1, "no log_history in it; it may be cut off")
        return 0
    yield from _entries(path, text, found.end())
    return 0


def _entries(path: Path, text: str, at: int) -> Iterator[Metric | Unread]:
    """Yield the metrics of one entry after the other, up to the closing bracket."""
    while True:
        gap = _GAP.match(text, at)
        at = gap.end() if gap else at
        if text.startswith("]", at):
            return
        try:
            entry, end = _decode(text, at)
        except (ValueError, RecursionError):
            yield Unread(path.name, text.count("\n", 0, at) + 1, "the file breaks off, or is damaged, here")
            return
        step = as_step(entry.get("step")) if isinstance(entry, dict) else None
        if step is None:
            yield Unread(path.name, text.count("\n", 0, at) + 1, "an entry of log_history without a step")
        else:
            for name, value in numbers(entry, null=nan):
                if name != "step":
                    yield Metric(step, name, value)
        at = end
