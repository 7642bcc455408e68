"""Which container a file is, and which format its rows are in: told by bytes and rows, never by its name."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from sft_audit.errors import AuditError
from sft_audit.readers import Content, Layout, all_formats, find_format, json_array, json_lines, parquet
from sft_audit.readers.chunk import Chunk, Row
from sft_audit.readers.file_bytes import BLOCK, BOM, FileBytes
from sft_audit.readers.inputs import Input

VOTERS = 20
NO_FORMAT = "none"
_COMPRESSED = (b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ")


@dataclass(frozen=True, slots=True)
class Reading:
    """How one file is read; the format is `none` where no row in it can be."""

    input: Input
    format: str
    layout: Layout


def detect(one: Input, format_name: str = "auto") -> Reading:
    """Look at a file's first bytes and rows; raise AuditError where it is empty or nothing here reads it."""
    with FileBytes(one.path) as source:
        layout = replace(one.layout, container=container_of(source))
        if format_name != "auto":
            if find_format(format_name).layout.columns and not layout.columns:
                raise AuditError(
                    f"{one.path}: --format {format_name} needs the columns that a dataset_info.json names; "
                    "give that file, or the folder it is in, as the data"
                )
            return Reading(one, format_name, layout)
        chunks = cut(source, one.file, layout)
        rows = (row.content for chunk in chunks for row in chunk.rows() if isinstance(row, Row))
        return Reading(one, _vote(list(islice(rows, VOTERS)), one, layout), layout)


def cut(source: FileBytes, file: str, layout: Layout, format_name: str = NO_FORMAT) -> Iterator[Chunk]:
    """Cut a file into chunks of rows, in order; after damage go on at a row of the format, or of any."""
    known = [all_formats()[format_name]] if format_name != NO_FORMAT else list(all_formats().values())

    def is_row(content: Content) -> bool:
        return any(one.matches(content, layout) for one in known)

    return cut_container(source, file, layout.container, is_row)


def cut_container(
    source: FileBytes, file: str, container: str, is_row: Callable[[Content], bool]
) -> Iterator[Chunk]:
    """Cut a file into chunks of rows, in order; after damage go on at what `is_row` says is one."""
    match container:
        case "json_array":
            return json_array.chunks(source, file, is_row)
        case "json_lines":
            return json_lines.chunks(source, file)
    return parquet.chunks(source, file)


def _vote(rows: Sequence[Content], one: Input, layout: Layout) -> str:
    """Return the format that most rows are in; where votes are equal, that of the earlier row."""
    known = all_formats().values()
    votes = Counter(next((f.name for f in known if f.matches(row, layout)), None) for row in rows)
    if not rows:
        return NO_FORMAT
    name = max(votes, key=lambda voted: votes[voted])
    if name is None:
        keys = ", ".join(list(dict.fromkeys(key for row in rows for key in row))[:12])
        raise AuditError(
            f"{one.path}: no format reads rows with the fields {keys}; "
            "`sft-audit formats` lists those that are known, --format names one"
        )
    return name


def container_of(source: FileBytes) -> str:
    """Return what cuts the file into rows; raise AuditError where it is empty or nothing here does."""
    head = source.read(0, BLOCK)
    if head[:4] == b"PAR1":
        return "parquet"
    if head.startswith(_COMPRESSED):
        raise AuditError(f"{source.path}: the file is compressed; unpack it and give what was inside")
    start = head.removeprefix(BOM).lstrip(b" \t\r\n")
    if start.startswith(b"["):
        return "json_array"
    if not start and len(head) == source.size:
        raise AuditError(f"{source.path}: the file is empty; give a file with rows in it")
    if start.startswith(b"{"):
        _refuse_one_object(source, start)
        return "json_lines"
    if source.path.suffix in (".jsonl", ".ndjson"):
        return "json_lines"
    raise AuditError(f"{source.path}: not a JSON array, JSON Lines or parquet: it starts with {head[:8]!r}")


def _refuse_one_object(source: FileBytes, head: bytes) -> None:
    """Raise AuditError where the file is one object on several lines, which no trainer reads as rows."""
    first, _, rest = head.partition(b"\n")
    if not rest.strip():
        return
    try:
        content, _ = json.JSONDecoder().raw_decode(head.decode("latin-1"))
    except (ValueError, RecursionError):
        return
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        keys = ", ".join(list(content)[:8])
        raise AuditError(
            f"{source.path}: an object on several lines, with the keys {keys}; "
            "write an array of rows, or one row a line"
        ) from None
