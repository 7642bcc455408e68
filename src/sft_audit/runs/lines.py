"""A log in JSON Lines, read from a byte offset as far as whole lines go."""

from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from sft_audit.errors import AuditError
from sft_audit.readers import Content, RowFault
from sft_audit.readers.chunk import Row
from sft_audit.readers.file_bytes import BLOCK, BOM
from sft_audit.readers.json_row import ROW_LIMIT, TOO_LARGE, RowReader
from sft_audit.runs.metric import Unread
from sft_audit.sample import Malformed, Place

T = TypeVar("T")
LINES = (".jsonl", ".ndjson", ".log", ".txt", "")  # how the name of a file in JSON Lines may end


def read_lines(
    path: Path, offset: int, read_row: Callable[[Content], Iterable[T]]
) -> Generator[T | Unread, None, int]:
    """Yield what `read_row` makes of every whole line from an offset.

    A log that was begun anew is read from its start. `read_row` raises RowFault where a row is none of its
    format. Raises AuditError where the file cannot be opened.
    """
    reader = RowReader()
    try:
        file = path.open("rb")
    except OSError as fault:
        why = (fault.strerror or str(fault)).lower()
        raise AuditError(f"{path}: {why}; give a file that can be read") from None
    with file:
        start = offset if offset <= file.seek(0, 2) else 0
        line = _lines_before(path, start) if start else 0
        file.seek(start)
        while data := file.readline(ROW_LIMIT + 1):
            whole, end = data.endswith(b"\n"), start + len(data)
            if not whole and len(data) <= ROW_LIMIT:
                break
            line += 1
            if not whole:
                while (more := file.readline(BLOCK)) and not more.endswith(b"\n"):
                    pass
                if not more:
                    break
                yield Unread(path.name, line, TOO_LARGE)
                start = file.tell()
                continue
            text = data.removeprefix(BOM).strip() if start == 0 else data.strip()
            start = end
            if text:
                yield from _read(reader.read(text, Place(path.name, line, line, start, len(text))), read_row)
    return start


def _read(row: Row | Malformed, read_row: Callable[[Content], Iterable[T]]) -> Iterator[T | Unread]:
    """Yield what is made of one row, or why nothing is."""
    if isinstance(row, Malformed):
        yield Unread(row.place.file, row.place.position, row.reason)
        return
    try:
        yield from read_row(row.content)
    except RowFault as fault:
        yield Unread(row.place.file, row.place.position, str(fault))


def _lines_before(path: Path, offset: int) -> int:
    """Return how many lines end before an offset."""
    found = 0
    with path.open("rb") as file:
        for at in range(0, offset, BLOCK):
            found += file.read(min(BLOCK, offset - at)).count(b"\n")
    return found
