"""Take rows out of a JSON file, or put others in their place; every other byte stays as it is."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from sft_audit.readers.file_bytes import BOM

_WHITE = b" \t\r\n"
_SEPARATOR = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*")
_HEAD = re.compile(rb"[ \t\r\n]*\[[ \t\r\n]*")
_TAIL = re.compile(rb"[ \t\r\n]*\][ \t\r\n]*")
_COPY = 1 << 20


@dataclass(frozen=True, slots=True)
class Row:
    """The bytes [start, stop) of one row; `kept` says whether it stays, `text` what is put in its place."""

    start: int
    stop: int
    kept: bool = True
    text: bytes | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """The bytes [start, stop) of the old file, as they are or replaced by `text`; `mends` between rows."""

    start: int
    stop: int
    text: bytes | None = None
    mends: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A file of `size` bytes, and how to read its bytes [start, stop)."""

    size: int
    read: Callable[[int, int], bytes]


def source_of(file: BinaryIO, size: int) -> Source:
    """Return an open binary file as a source."""

    def read(start: int, stop: int) -> bytes:
        file.seek(start)
        return file.read(stop - start)

    return Source(size, read)


def array_pieces(source: Source, rows: Iterable[Row], *, mend: bool) -> Iterator[Piece]:
    """Yield the pieces of a JSON array without the rows that go.

    A removed row takes the separator that follows it; those at the end take the one before them. With `mend`,
    whatever between the rows is not JSON (a missing comma, a byte order mark, a lost bracket) is made so.
    """
    first: int | None = None  # where the first row starts
    kept: int | None = None  # where the last row that stays stops
    following = 0  # where the row after that one starts
    end = 0
    for row in rows:
        _check_order(row, end)
        first = row.start if first is None else first
        following = following or row.start
        if row.kept:
            yield _separator(source, kept, following, mend) if kept else _head(source, first, mend)
            yield Piece(row.start, row.stop, row.text)
            kept, following = row.stop, 0
        end = row.stop
    if first is None:
        yield Piece(0, source.size)
    elif kept is None:
        head, tail = _head(source, first, mend), _tail(source, end, mend)
        yield Piece(0, first, _text(source, head).rstrip(_WHITE), head.mends)
        yield Piece(end, source.size, _text(source, tail).lstrip(_WHITE), tail.mends)
    else:
        yield _tail(source, end, mend)


def line_pieces(source: Source, rows: Iterable[Row], *, mend: bool) -> Iterator[Piece]:
    """Yield the pieces of a JSON Lines file without the rows that go; each takes its line and its newline."""
    done = end = 0
    if mend and source.read(0, len(BOM)) == BOM:
        yield Piece(0, len(BOM), b"", mends=True)
        done = len(BOM)
    for row in rows:
        _check_order(row, end)
        if not row.kept:
            start = row.start - _indent(source.read(max(done, end), row.start))
            yield Piece(done, start)
            done = _line_end(source, row.stop)
        elif row.text is not None:
            yield Piece(done, row.start)
            yield Piece(row.start, row.stop, row.text)
            done = row.stop
        end = row.stop
    yield Piece(done, source.size)


def write(source: Source, pieces: Iterable[Piece], out: BinaryIO) -> None:
    """Write the pieces in order; stretches of old bytes are copied a megabyte at a time."""
    start = stop = 0
    for piece in pieces:
        if piece.text is None and piece.start == stop:
            stop = piece.stop
            continue
        copy(source, start, stop, out)
        if piece.text is None:
            start, stop = piece.start, piece.stop
        else:
            out.write(piece.text)
            start = stop = piece.stop
    copy(source, start, stop, out)


def copy(source: Source, start: int, stop: int, out: BinaryIO) -> None:
    """Write the bytes [start, stop) as they are."""
    out.writelines(source.read(at, min(at + _COPY, stop)) for at in range(start, stop, _COPY))


def _check_order(row: Row, end: int) -> None:
    if not end <= row.start <= row.stop:
        raise ValueError(f"row at byte {row.start:,} overlaps the one that ends at {end:,}")


def _head(source: Source, stop: int, mend: bool) -> Piece:
    old = source.read(0, stop) if mend else b""
    if not mend or _HEAD.fullmatch(old):
        return Piece(0, stop)
    before = old.removeprefix(BOM).partition(b"[")[0]
    return Piece(0, stop, _white_start(before) + b"[" + _white_end(old), mends=True)


def _separator(source: Source, start: int, stop: int, mend: bool) -> Piece:
    old = source.read(start, stop) if mend else b""
    if not mend or _SEPARATOR.fullmatch(old):
        return Piece(start, stop)
    return Piece(start, stop, b"," + _white_end(old), mends=True)


def _tail(source: Source, start: int, mend: bool) -> Piece:
    old = source.read(start, source.size) if mend else b""
    if not mend or _TAIL.fullmatch(old):
        return Piece(start, source.size)
    before, _, after = old.partition(b"]")
    return Piece(start, source.size, _white_end(before) + b"]" + _white_start(after), mends=True)


def _text(source: Source, piece: Piece) -> bytes:
    return source.read(piece.start, piece.stop) if piece.text is None else piece.text


def _white_start(text: bytes) -> bytes:
    return text[: len(text) - len(text.lstrip(_WHITE))]


def _white_end(text: bytes) -> bytes:
    return text[len(text.rstrip(_WHITE)) :]


def _indent(gap: bytes) -> int:
    """Return how many of the last bytes before a row are white space on the row's own line."""
    return len(_white_end(gap).rpartition(b"\n")[2])


def _line_end(source: Source, start: int) -> int:
    """Return where the next line starts."""
    for at in range(start, source.size, _COPY):
        found = source.read(at, min(at + _COPY, source.size)).find(b"\n")
        if found >= 0:
            return at + found + 1
    return source.size
