"""JSON Lines: cut at line feeds; the rows are decoded in the workers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sft_audit.readers.chunk import Chunk, Row
from sft_audit.readers.file_bytes import BLOCK, BOM, FileBytes
from sft_audit.readers.json_row import ROW_LIMIT, TOO_LARGE, RowReader
from sft_audit.sample import Malformed, Place, Problem

_BLANK = b" \t\r\n"
_BLANK_LINE = re.compile(rb"\n(?=[ \t\r]*(?:\n|\Z))")


@dataclass(frozen=True, slots=True)
class Lines(Chunk):
    """Whole lines of a JSON Lines file: `line` and `byte_offset` are those of the first."""

    line: int
    byte_offset: int
    data: bytes

    @property
    def n_rows(self) -> int:
        """Return the number of lines that are not blank."""
        text = b"\n" + self.data
        return text.count(b"\n") - len(_BLANK_LINE.findall(text))

    def rows(self) -> Iterator[Row | Malformed]:
        """Yield a row for every line that is not blank."""
        reader = RowReader()
        line, start = self.line, 0
        while start < len(self.data):
            end = self.data.find(b"\n", start) + 1 or len(self.data)
            raw = self.data[start:end]
            row = raw.strip(_BLANK)
            if row:
                before = len(raw) - len(raw.lstrip(_BLANK))
                place = Place(self.file, line, line, self.byte_offset + start + before, len(row))
                yield reader.read(row, place)
            line, start = line + 1, end


@dataclass(frozen=True, slots=True)
class LongLine(Chunk):
    """A line beyond the limit: known by its size and hash only."""

    place: Place
    row_hash: str
    n_rows = 1

    def rows(self) -> Iterator[Row | Malformed]:
        """Yield the one row, unread."""
        yield Malformed(self.place, self.row_hash, f"{TOO_LARGE}: {self.place.n_bytes:,} bytes")


def chunks(source: FileBytes, file: str) -> Iterator[Chunk]:
    """Cut a file into whole lines, about 2 MiB at a time; one beyond the limit is passed over in blocks."""
    start, line = 0, 1
    problems: tuple[Problem, ...] = ()
    if source.read(0, 3) == BOM:
        start, problems = 3, (Problem("bom", "the file starts with a byte order mark", 1, 0, 3),)
    while start < source.size:
        data = _lines(source, start)
        if data:
            yield Lines(file, problems, line, start, data)
            n_lines, n_bytes = data.count(b"\n"), len(data)
        else:
            n_lines, n_bytes = 1, _line_length(source, start)
            raw = source.read(start + n_bytes - 2, 2)
            row = n_bytes - (len(raw) - len(raw.rstrip(_BLANK)))
            yield LongLine(file, problems, Place(file, line, line, start, row), source.range_hash(start, row))
        line, start, problems = line + n_lines, start + n_bytes, ()


def _lines(source: FileBytes, start: int) -> bytes:
    """Return whole lines from an offset; nothing where the first is beyond the limit."""
    size = BLOCK // 2
    while True:
        data = source.read(start, size)
        if start + len(data) == source.size and len(data) <= ROW_LIMIT:
            return data
        end = data.rfind(b"\n") + 1
        if end or size > ROW_LIMIT:
            return data[:end]
        size = min(2 * size, ROW_LIMIT + 1)


def _line_length(source: FileBytes, start: int) -> int:
    """Return the length of the line at an offset, its line feed included."""
    at = start
    while data := source.read(at, BLOCK):
        end = data.find(b"\n") + 1
        if end:
            return at + end - start
        at += len(data)
    return at - start
