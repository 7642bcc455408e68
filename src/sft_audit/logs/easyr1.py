"""EasyR1: `generations.log`, completions of validation prompts as text."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from sft_audit.logs import Logged, log_format
from sft_audit.logs.field import as_text, completion_text, paid, prompt_text
from sft_audit.readers import Content
from sft_audit.readers.json_row import ROW_LIMIT, TOO_LARGE

NAME = "generations.log"
_FIELDS = ("[prompt]", "[output]", "[ground_truth]", "[score]")
_START = "[prompt] "
_RECORD = re.compile(
    r"\[prompt\] (.*?)\n\[output\] (.*)"
    r"\n\[ground_truth\] (.*)\n\[score\] ([^\n]*)\n\n",
    re.DOTALL,
)


def _matches(row: Content) -> bool:
    return row.keys() == set(_FIELDS)


@log_format(
    "easyr1",
    matches=_matches,
    example={
        "[prompt]": "user\nWhich colour?\nassistant\n",
        "[output]": "red",
        "[ground_truth]": "red",
        "[score]": "1.0",
    },
    priority=20,
)
def easyr1(row: Content) -> tuple[Logged, ...]:
    """EasyR1 `generations.log`: `[prompt]`, `[output]`, `[ground_truth]` and `[score]` of each completion.

    They are of validation, and their step is not logged. Source: hiyouga/EasyR1
    `verl/utils/logger/gen_logger.py`, `FileGenerationLogger`.
    """
    reward = paid(row["[score]"])
    return (
        Logged(
            prompt_text(row["[prompt]"]),
            completion_text(row["[output]"]),
            as_text(row["[ground_truth]"]),
            reward.reward,
            reward.problem,
        ),
    )


def is_generations(head: bytes) -> bool:
    """Return whether a file begins as generations.log does."""
    return head.startswith(_START.encode()) and b"\n[output] " in head


def generations(path: Path) -> Iterator[bytes | str]:
    """Yield the records of generations.log as JSON, or what is wrong with one."""
    for record in _records(path):
        if len(record) > ROW_LIMIT:
            yield TOO_LARGE
        elif found := _RECORD.fullmatch(record):
            yield json.dumps(dict(zip(_FIELDS, found.groups(), strict=True))).encode()
        else:
            yield "no [prompt], [output], [ground_truth] and [score] in this order; it may be cut off"


def _records(path: Path) -> Iterator[str]:
    """Yield the text of one record after the other: the next begins behind a score and a blank line."""
    lines: list[str] = []
    size, before, last = 0, "", ""
    with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
        while line := file.readline(ROW_LIMIT):
            if before.startswith("[score] ") and last == "\n" and line.startswith(_START):
                yield "".join(lines)
                lines, size = [], 0
            if size <= ROW_LIMIT:  # one line more than the limit is enough to tell
                lines.append(line)
                size += len(line)
            before, last = last, line
    if lines:
        yield "".join(lines)
