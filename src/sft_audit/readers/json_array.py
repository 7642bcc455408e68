"""A JSON array of rows, cut by the standard library's own decoder in a window that slides over the file.

The window is read as latin-1, one character a byte, so that positions are byte offsets; every byte that
JSON's grammar knows is ASCII. After damage the cutter goes on at the next object that looks like a row.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sft_audit.readers import Content
from sft_audit.readers.chunk import Chunk, Remark, Row
from sft_audit.readers.file_bytes import BLOCK, BOM, FileBytes
from sft_audit.readers.json_row import ROW_LIMIT, TOO_DEEP, TOO_LARGE, RowReader
from sft_audit.sample import Malformed, Place, Problem

IsRow = Callable[[Content], bool]
_NEAR_END = 16
_GLANCE = 64 << 10
# What a search for the next row may cost, in bytes decoded: a failure costs about as much as decoding 1,500
# bytes, one for depth as 30,000. Damage found in real files costs a few times the size of its row.
_PATIENCE, _PATIENCE_A_BYTE = 1 << 30, 64
_FAILED, _TOO_DEEP = 1_500, 30_000
_TARGET = 2 << 20
_BLANK = b" \t\r\n"
_WHITESPACE = re.compile(r"[ \t\n\r]*")
_decode = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode


class Cut(NamedTuple):
    """One element's bytes, and where they start."""

    line: int
    byte_offset: int
    data: bytes


class Gap(NamedTuple):
    """Bytes that are no element, known by their hash."""

    line: int
    byte_offset: int
    n_bytes: int
    reason: str
    row_hash: str


@dataclass(frozen=True, slots=True)
class Elements(Chunk):
    """Elements of an array, in order, as columns; `first` is the 1-based position of the first of them."""

    first: int
    lines: tuple[int, ...]
    offsets: tuple[int, ...]
    data: tuple[bytes, ...]

    @property
    def n_rows(self) -> int:
        """Return the number of elements."""
        return len(self.data)

    def rows(self) -> Iterator[Row | Malformed]:
        """Yield a row for every element."""
        reader = RowReader()
        found = zip(self.lines, self.offsets, self.data, strict=True)
        for position, (line, offset, data) in enumerate(found, self.first):
            yield reader.read(data, Place(self.file, position, line, offset, len(data)))


@dataclass(frozen=True, slots=True)
class Unread(Chunk):
    """A gap in an array, which counts as one row."""

    position: int
    gap: Gap
    n_rows = 1

    def rows(self) -> Iterator[Row | Malformed]:
        """Yield the one row, unread."""
        gap = self.gap
        place = Place(self.file, self.position, gap.line, gap.byte_offset, gap.n_bytes)
        yield Malformed(place, gap.row_hash, gap.reason)


def chunks(source: FileBytes, file: str, is_row: IsRow) -> Iterator[Chunk]:
    """Cut a file into elements, about 2 MiB at a time; `is_row` knows where to go on after damage."""
    cuts: list[Cut] = []
    problems: list[Problem] = []
    position, size = 1, 0
    for one in _Cutter(source, is_row).run():
        if isinstance(one, Problem):
            problems.append(one)
        elif isinstance(one, Cut):
            cuts.append(one)
            size += len(one.data)
        if cuts and (isinstance(one, Gap) or size > _TARGET):
            yield Elements(file, tuple(problems), position, *zip(*cuts, strict=True))
            position, size = position + len(cuts), 0
            cuts, problems = [], []
        if isinstance(one, Gap):
            yield Unread(file, tuple(problems), position, one)
            position, problems = position + 1, []
    if cuts:
        yield Elements(file, tuple(problems), position, *zip(*cuts, strict=True))
    elif problems:
        yield Remark(file, tuple(problems))


class _Cutter:
    """The window and where the cutter stands in it: `at`, before which `line` - 1 line feeds were seen."""

    def __init__(self, source: FileBytes, is_row: IsRow) -> None:
        self._source = source
        self._is_row = is_row
        self._base = 0
        self._text = ""
        self._at = 0
        self._line = 1
        self._patience = _PATIENCE + _PATIENCE_A_BYTE * source.size

    def run(self) -> Iterator[Cut | Gap | Problem]:
        """Yield every element, gap and problem in order."""
        if self._source.read(0, 3) == BOM:
            self._base = 3
            yield Problem("bom", "the file starts with a byte order mark", 1, 0, 3)
        self._next()
        self._step()
        last: Cut | Gap | None = None
        comma: int | None = None
        while char := self._next():
            here = self._offset
            if char == "]":
                if comma is not None:
                    yield self._problem("trailing_comma", "a comma stands before the closing bracket", comma)
                self._step()
                if not self._row_follows():
                    yield from self._tail()
                    return
                yield self._problem("trailing_data", "rows follow the closing bracket", here)
                comma = None
                if self._next() == "[":
                    self._step()
                continue
            if char == ",":
                if comma is not None or last is None:
                    yield self._problem("extra_comma", "a comma stands where a row is expected", here)
                self._step()
                comma = here
                continue
            line, before = self._line, last
            last = self._element()
            if comma is None and isinstance(before, Cut) and isinstance(last, Cut):
                yield Problem("missing_comma", "no comma stands between two rows", line, here, 1)
            comma = None
            yield last
        yield self._problem("truncated", "the array is not closed", self._offset)

    @property
    def _offset(self) -> int:
        return self._base + self._at

    def _problem(self, kind: str, detail: str, offset: int, n_bytes: int = 1) -> Problem:
        return Problem(kind, detail, self._line, offset, n_bytes)

    def _step(self) -> None:
        self._at += 1

    def _move(self, to: int) -> None:
        """Go to an index of the window, counting lines."""
        self._line += self._text.count("\n", self._at, to)
        self._at = to

    def _grow(self) -> bool:
        """Drop what is behind and read on; change nothing and return False at the file's end or row limit."""
        rest = len(self._text) - self._at
        n_bytes = min(max(BLOCK, rest), ROW_LIMIT - rest)
        more = self._source.read(self._base + len(self._text), max(n_bytes, 0))
        if more:
            self._text = self._text[self._at :] + more.decode("latin-1")
            self._base += self._at
            self._at = 0
        return bool(more)

    def _next(self) -> str:
        """Pass over white space and return the character there, or nothing at the end of the file."""
        while True:
            found = _WHITESPACE.match(self._text, self._at)
            assert found  # noqa: S101 - it matches the empty string
            self._move(found.end())
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._grow():
                return ""

    def _element(self) -> Cut | Gap:
        """Cut the element at hand, or the gap up to the next row, and go behind it."""
        while True:
            try:
                _, end = _decode(self._text, self._at)
            except (json.JSONDecodeError, RecursionError) as fault:
                if _cut_short(fault, len(self._text)) and self._plausible() and self._grow():
                    continue
                return self._gap(self._reason(fault))
            if end < len(self._text) or self._text[end - 1] in '}]"' or not self._grow():
                break
        cut = Cut(self._line, self._offset, self._text[self._at : end].encode("latin-1"))
        self._move(end)
        return cut

    def _plausible(self) -> bool:
        """Return whether what is at hand may be one long row: within a block, or with no other row inside."""
        return len(self._text) - self._at < BLOCK or not self._find_row(self._at + 1)[1]

    def _reason(self, fault: Exception) -> str:
        if not isinstance(fault, json.JSONDecodeError):
            return TOO_DEEP
        if _cut_short(fault, len(self._text)) and len(self._text) - self._at >= ROW_LIMIT:
            return f"{TOO_LARGE}, or never closed"
        return f"not JSON: {fault.msg.lower()} (byte {self._base + fault.pos} of the file)"

    def _gap(self, reason: str) -> Gap:
        """Return what lies between here and the next row, or the end of the file, and go behind it."""
        start, line = self._offset, self._line
        self._seek_row()
        n_bytes = self._step_back(start) - start
        if self._patience <= 0:
            reason += ", and too damaged to look for the next row"
        return Gap(line, start, n_bytes, reason, self._source.range_hash(start, n_bytes))

    def _seek_row(self) -> None:
        """Go to the next object that looks like a row; to the end of the file where there is none."""
        self._step()
        while True:
            at, found = self._find_row(self._at)
            self._move(at)
            if found:
                return
            if self._grow():
                continue
            if self._base + len(self._text) == self._source.size:
                self._move(len(self._text))
                return
            self._step()

    def _find_row(self, start: int) -> tuple[int, bool]:
        """Return where in the window the next row is, and true; else where one may have begun, and false."""
        begun: int | None = None
        at = self._text.find("{", start)
        while at >= 0 and self._patience > 0:
            content, end = self._try(at)
            if isinstance(content, dict) and self._is_row(content):
                return at, True
            if end < 0 and begun is None:
                begun = at
            at = self._text.find("{", end if end > at else at + 1)
        return len(self._text) if begun is None else begun, False

    def _try(self, at: int) -> tuple[object, int]:
        """Return the object at an index and where it ends; None and -1 where the window may cut it short.

        A glance comes first, since a failure costs a count of the lines before it.
        """
        size = _GLANCE
        while True:
            part = self._text[at : at + size]
            try:
                content, end = _decode(part)
            except json.JSONDecodeError as fault:
                self._patience -= fault.pos + _FAILED
                if not _cut_short(fault, len(part)):
                    return None, 0
                if at + size >= len(self._text):
                    return None, -1
            except RecursionError:
                self._patience -= _TOO_DEEP
                return None, 0
            else:
                return content, at + end
            size *= 16

    def _row_follows(self) -> bool:
        """Return whether a row is to be found behind the closing bracket, within the row limit."""
        while self._next():
            if self._find_row(self._at)[1]:
                return True
            if not self._grow():
                break
        return False

    def _step_back(self, start: int) -> int:
        """Go back to where the gap from `start` ends: before the separator or closing bracket behind it."""
        first = max(start, self._offset - 4096)
        behind = self._source.read(first, self._offset - first)
        mark = b"]" if self._offset == self._source.size else b","
        kept = behind.rstrip(_BLANK)
        if kept.endswith(mark):
            kept = kept[:-1].rstrip(_BLANK)
        end = first + len(kept)
        self._line -= behind.count(b"\n", len(kept))
        if end < self._base:
            self._base, self._text = end, ""
        self._at = end - self._base
        return end

    def _tail(self) -> Iterator[Problem]:
        if self._next():
            left = self._source.size - self._offset
            yield self._problem(
                "trailing_data", f"{left:,} bytes follow the closing bracket", self._offset, left
            )


def _cut_short(fault: Exception, length: int) -> bool:
    """Return whether the fault may be only that a text of that length ends."""
    if not isinstance(fault, json.JSONDecodeError):
        return False
    return fault.msg.startswith("Unterminated") or fault.pos >= length - _NEAR_END
