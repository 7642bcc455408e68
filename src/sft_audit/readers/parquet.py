"""Parquet: rows of Python values, read a record batch at a time; images are bytes inside structs."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sft_audit.errors import AuditError
from sft_audit.readers import Content
from sft_audit.readers.chunk import Chunk, Row
from sft_audit.readers.file_bytes import FileBytes
from sft_audit.sample import Malformed, Place, content_hash

_TARGET = 8 << 20
_MOST_ROWS = 2048


@dataclass(frozen=True, slots=True)
class Batch(Chunk):
    """Rows of a parquet file; `first` is the 1-based position of the first of them."""

    first: int
    batch: Any  # pyarrow.RecordBatch, which has no types

    @property
    def n_rows(self) -> int:
        """Return the number of rows."""
        return int(self.batch.num_rows)

    def rows(self) -> Iterator[Row | Malformed]:
        """Yield every row."""
        batch = _as_text(self.batch)
        try:
            contents = batch.to_pylist()
        except UnicodeDecodeError:
            contents = [_decoded(batch.slice(at, 1)) for at in range(batch.num_rows)]
        for position, content in enumerate(contents, self.first):
            if isinstance(content, bytes):
                place = Place(self.file, position, 0, -1, len(content))
                yield Malformed(place, content_hash(content), "a text column that is not UTF-8")
            else:
                canonical = json.dumps(content, default=_canonical, sort_keys=True).encode()
                place = Place(self.file, position, 0, -1, len(canonical))
                yield Row(place, content_hash(canonical), content)


def chunks(source: FileBytes, file: str) -> Iterator[Chunk]:
    """Read a file about 8 MiB at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(source.path) as opened:
            first = 1
            for batch in opened.iter_batches(batch_rows(opened.metadata)):
                yield Batch(file, (), first, batch)
                first += batch.num_rows
            if first - 1 != opened.metadata.num_rows:
                raise RuntimeError(f"{file}: {first - 1} of its {opened.metadata.num_rows} rows came out")
    except (pa.ArrowException, OSError) as fault:
        raise AuditError(f"{source.path}: not readable parquet: {' '.join(str(fault).split())}") from None


def batch_rows(metadata: Any) -> int:  # noqa: ANN401 - pyarrow has no types
    """Return how many rows make about 8 MiB."""
    size = sum(metadata.row_group(at).total_byte_size for at in range(metadata.num_row_groups))
    wanted: int = _TARGET * max(metadata.num_rows, 1) // max(size, 1)
    return max(1, min(_MOST_ROWS, wanted))


def rows_at(path: Path, positions: Sequence[int]) -> Iterator[tuple[int, Content]]:
    """Yield the rows at some 1-based positions, in rising order; only the row groups they are in are read."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as opened:
        first, asked = 1, list(positions)
        for group in range(opened.num_row_groups):
            behind = first + opened.metadata.row_group(group).num_rows
            inside = [position for position in asked if first <= position < behind]
            if inside:
                yield from _rows_of_group(opened, group, [position - first for position in inside], first)
            first = behind


def _rows_of_group(opened: Any, group: int, wanted: list[int], first: int) -> Iterator[tuple[int, Content]]:  # noqa: ANN401
    start = 0
    for batch in opened.iter_batches(batch_rows(opened.metadata), row_groups=[group]):
        for at in wanted:
            if start <= at < start + batch.num_rows:
                yield first + at, _as_text(batch.slice(at - start, 1)).to_pylist()[0]
        start += batch.num_rows
        if start > wanted[-1]:
            return


def _as_text(batch: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return a batch with dates and times as text: Python's have fewer years and no nanoseconds."""
    import pyarrow as pa

    schema = pa.schema([field.with_type(_textual(field.type)) for field in batch.schema])
    return batch if schema == batch.schema else batch.cast(schema)


def _textual(kind: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return a type with text in place of every date and time in it."""
    import pyarrow as pa

    types = pa.types
    if types.is_temporal(kind):
        return pa.string()
    if types.is_struct(kind):
        return pa.struct([field.with_type(_textual(field.type)) for field in kind])
    if types.is_map(kind):
        return pa.map_(_textual(kind.key_type), _textual(kind.item_type))
    if types.is_list(kind) or types.is_large_list(kind):
        of = pa.list_ if types.is_list(kind) else pa.large_list
        return of(kind.value_field.with_type(_textual(kind.value_type)))
    return kind


def _decoded(row: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return one row's values, or its bytes where they cannot be decoded."""
    try:
        return row.to_pylist()[0]
    except UnicodeDecodeError:
        return row.serialize().to_pybytes()


def _canonical(value: object) -> str:
    """Return what stands for a value that JSON has no word for: bytes by their hash, dates as text."""
    if isinstance(value, bytes):
        return "sha256:" + content_hash(value)
    return str(value)
