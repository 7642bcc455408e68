"""What a log's rows are packed in: as a data set's, or in an archive, a table, a workbook, one object."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sft_audit.errors import AuditError
from sft_audit.logs.archive import is_archive, members, unpacked
from sft_audit.logs.easyr1 import generations, is_generations
from sft_audit.logs.spreadsheet import is_table, table_rows, workbook_rows
from sft_audit.readers import Content
from sft_audit.readers.chunk import Chunk, Row
from sft_audit.readers.detect import container_of, cut_container
from sft_audit.readers.file_bytes import BLOCK, FileBytes
from sft_audit.readers.json_lines import Lines
from sft_audit.sample import Malformed, Place, content_hash

_WHOLE = re.compile(rb'\s*\{\s*"version"\s*:\s*\d+\s*,\s*"status"\s*:')
_WHOLE_LIMIT = 256 << 20
_SAMPLES_LIMIT = 16 << 30


@dataclass(frozen=True, slots=True)
class Unread(Chunk):
    """One row that could not be had from its container."""

    position: int
    reason: str
    n_rows = 1

    def rows(self) -> Iterator[Row | Malformed]:
        """Yield the one row, unread."""
        place = Place(self.file, self.position, 0, -1, 0)
        yield Malformed(place, content_hash(b""), self.reason)


def log_chunks(source: FileBytes, file: str, is_row: Callable[[Content], bool]) -> Iterator[Chunk]:
    """Cut a log into chunks of rows, in order; raise AuditError where nothing here reads the file."""
    head = source.read(0, BLOCK)
    if is_archive(head):
        return _as_lines(file, _archived(source))
    if _WHOLE.match(head):
        return _as_lines(file, _whole(source))
    if is_generations(head):
        return _as_lines(file, generations(source.path))
    if is_table(head):
        return _as_lines(file, table_rows(source.path))
    return cut_container(source, file, container_of(source), is_row)


def _as_lines(file: str, rows: Iterator[bytes | str]) -> Iterator[Chunk]:
    """Put rows of JSON, a line each, into chunks of about 2 MiB; text in place of one says what is wrong."""
    waiting: list[bytes] = []
    size = 0
    for position, row in enumerate(rows, 1):
        if isinstance(row, bytes):
            waiting.append(row.replace(b"\n", b" ") or b"null")
            size += len(row)
        if waiting and (isinstance(row, str) or size > BLOCK // 2):
            first = position - len(waiting) + isinstance(row, bytes)
            yield Lines(file, (), first, 0, b"\n".join(waiting) + b"\n")
            waiting, size = [], 0
        if isinstance(row, str):
            yield Unread(file, (), position, row)
    if waiting:
        yield Lines(file, (), position - len(waiting) + 1, 0, b"\n".join(waiting) + b"\n")


def _archived(source: FileBytes) -> Iterator[bytes | str]:
    """Yield the samples of an inspect_ai log, or the rows of a workbook."""
    inside = {one.filename: one for one in members(source)}
    samples = [one for name, one in inside.items() if name.startswith("samples/") and name.endswith(".json")]
    if "xl/workbook.xml" in inside:
        yield from workbook_rows(source.path, sum(one.file_size for one in inside.values()))
    elif samples:
        if sum(one.file_size for one in samples) > _SAMPLES_LIMIT:
            raise AuditError(f"{source.path}: it unpacks to more than {_SAMPLES_LIMIT >> 30} GiB; split it")
        for one in samples:
            yield unpacked(source, one)
    else:
        raise AuditError(
            f"{source.path}: an archive with neither samples of inspect_ai nor a workbook inside; "
            "unpack it and give what was inside"
        )


def _whole(source: FileBytes) -> Iterator[bytes | str]:
    """Yield the samples of an inspect_ai log that is one JSON object."""
    if source.size > _WHOLE_LIMIT:
        raise AuditError(
            f"{source.path}: a log of more than {_WHOLE_LIMIT >> 20} MiB in one object; "
            "write it with `inspect log convert --to eval`"
        )
    try:
        content = json.loads(source.read(0, source.size))
    except (ValueError, RecursionError) as fault:
        raise AuditError(f"{source.path}: not readable JSON: {fault}; is it cut off?") from None
    match content:
        case {"samples": [_, *_] as samples}:
            yield from (json.dumps(one).encode() for one in samples)
        case _:
            raise AuditError(f"{source.path}: a log without samples; give one that was written with them")
