"""Which container a file is, and which format its rows are in: told by its bytes and rows, never by its name."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from sft_audit.errors import AuditError
from sft_audit.readers import Content, Format, Layout, find_format, formats, json_array, json_lines, parquet
from sft_audit.readers.chunk import Chunk, Row
from sft_audit.readers.file_bytes import BLOCK, FileBytes
from sft_audit.readers.inputs import Input

VOTERS = 20
CONTAINERS: dict[str, Callable[[FileBytes, str], Iterator[Chunk]]] = {
    "json_array": json_array.chunks,
    "json_lines": json_lines.chunks,
    "parquet": parquet.chunks,
}


@dataclass(frozen=True, slots=True)
class Reading:
    """How one file is read."""

    input: Input
    format: Format
    layout: Layout

    def chunks(self, source: FileBytes) -> Iterator[Chunk]:
        """Cut the file, in order."""
        return CONTAINERS[self.layout.container](source, self.input.file)


def detect(one: Input, format_name: str = "auto") -> Reading:
    """Look at a file's first bytes and rows; raise AuditError where it is empty or nothing here reads it."""
    with FileBytes(one.path) as source:
        layout = Layout(_container(source), one.columns, one.tags)
        name = one.format or (None if format_name == "auto" else format_name)
        if name is not None:
            return Reading(one, find_format(name), layout)
        chunks = CONTAINERS[layout.container](source, one.file)
        rows = (row.content for chunk in chunks for row in chunk.rows() if isinstance(row, Row))
        return Reading(one, _vote(list(islice(rows, VOTERS)), one), layout)


def _vote(rows: Sequence[Content], one: Input) -> Format:
    """Return the format that most rows are in; the first asked where votes are equal."""
    known = list(formats().values())
    votes = Counter(next((f.name for f in known if f.matches(row)), None) for row in rows)
    if not rows:
        return find_format("llava")
    name, _ = max(votes.items(), key=lambda item: item[1])
    if name is None:
        keys = sorted({key for row in rows for key in row})[:12]
        raise AuditError(
            f"{one.path}: no format has the fields {', '.join(keys)}; `sft-audit formats` lists those that are read"
        )
    return find_format(name)


def _container(source: FileBytes) -> str:
    head = source.read(0, BLOCK)
    if head[:4] == b"PAR1":
        return "parquet"
    start = head.removeprefix(json_lines.BOM).lstrip(b" \t\r\n")[:1]
    match start:
        case b"[":
            return "json_array"
        case b"{":
            return "json_lines"
        case b"" if len(head) == source.size:
            raise AuditError(f"{source.path}: the file is empty; give a file with rows")
    if source.path.suffix in (".jsonl", ".ndjson"):
        return "json_lines"
    raise AuditError(f"{source.path}: not a JSON array, JSON Lines or parquet; it starts with {head[:8]!r}")
