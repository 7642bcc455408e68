"""Repair one parquet file: same schema, metadata, compression and row groups, without the rows that go."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

from sft_audit.errors import AuditError
from sft_audit.remedies.edit import apply_to_value
from sft_audit.remedies.ledger import Ledger
from sft_audit.remedies.plan import InputFile, Plan, PlannedRow
from sft_audit.remedies.rewriters import changes_for
from sft_audit.sample import content_hash

ArrowTable = Any  # pyarrow.Table, which has no types


def repair_parquet(
    one: InputFile, rows: Iterable[PlannedRow], plan: Plan, folder: Path, ledger: Ledger
) -> None:
    """Write the file a row group at a time; removed rows go to `removed/`, in the same schema.

    A row group is held in memory whole.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        opened = pq.ParquetFile(one.path)
    except pa.ArrowInvalid as fault:
        raise AuditError(f"{one.path}: cannot be read ({fault}); take it out of the data set") from None
    with opened as file, ExitStack() as writers:
        out = writers.enter_context(_writer(file, folder / one.file))
        gone = folder / "removed" / one.file
        removed: Any = None
        ordered = iter(rows)
        for number in range(file.num_row_groups):
            table = file.read_row_group(number)
            planned = list(islice(ordered, table.num_rows))
            kept, dropped = _split(planned, plan)
            if dropped and removed is None:
                gone.parent.mkdir(parents=True, exist_ok=True)
                removed = writers.enter_context(_writer(file, gone))
            for at in dropped:
                raw = {"raw": _as_json(_row(table, at)), "raw_file": f"removed/{one.file}"}
                ledger.remove(one.file, planned[at], raw)
            if dropped:
                _write(removed, table.take(dropped))
            changed = dict(_changed(one, table, planned, kept, ledger))
            _write(out, _table(table, kept, changed))


def _split(planned: Sequence[PlannedRow], plan: Plan) -> tuple[list[int], list[int]]:
    """Return the places of the rows that stay, and of those that go."""
    goes = [not plan.drops.isdisjoint(cause.check for cause in row.causes) for row in planned]
    return [at for at, gone in enumerate(goes) if not gone], [at for at, gone in enumerate(goes) if gone]


def _changed(
    one: InputFile, table: ArrowTable, planned: Sequence[PlannedRow], kept: Sequence[int], ledger: Ledger
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the place and new content of every row that is rewritten, and record what becomes of all kept."""
    for at in kept:
        before = after = _row(table, at) if planned[at].causes else {}
        done: dict[str, str] = {}
        for cause in planned[at].causes:
            changes = changes_for(cause.check, after, cause.evidence)
            if changes.made:
                after = apply_to_value(after, changes.made)
                done[cause.check] = changes.reason
        if after == before:
            ledger.keep(planned[at])
        else:
            record = {"before": _as_json(before), "after": _as_json(after)}
            ledger.change(one.file, planned[at], done, record)
            yield at, after


def _table(table: ArrowTable, kept: Sequence[int], changed: Mapping[int, Mapping[str, Any]]) -> ArrowTable:
    """Return the rows that stay, those that changed in their place."""
    import pyarrow as pa

    if not changed:
        return table if len(kept) == table.num_rows else table.take(list(kept))
    new = pa.Table.from_pylist([changed[at] for at in sorted(changed)], schema=table.schema)
    place = {at: table.num_rows + number for number, at in enumerate(sorted(changed))}
    return pa.concat_tables([table, new]).take([place.get(at, at) for at in kept])


def _write(writer: Any, table: ArrowTable) -> None:  # noqa: ANN401 - pyarrow has no types
    if table.num_rows:
        writer.write_table(table, row_group_size=table.num_rows)


def _writer(file: Any, path: Path) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return a writer with the schema, the metadata and the compression of a file."""
    import pyarrow.parquet as pq

    about = file.metadata
    compression = {}
    if about.num_row_groups:
        columns = (about.row_group(0).column(number) for number in range(about.num_columns))
        compression = {c.path_in_schema: _COMPRESSION.get(c.compression, c.compression) for c in columns}
    return pq.ParquetWriter(
        path,
        file.schema_arrow,
        compression=compression or "snappy",
        version=about.format_version,
        store_schema=b"ARROW:schema" in (about.metadata or {}),
    )


_COMPRESSION = {"UNCOMPRESSED": "none"}


def _row(table: ArrowTable, at: int) -> dict[str, Any]:
    row: dict[str, Any] = table.slice(at, 1).to_pylist()[0]
    return row


def _as_json(row: Mapping[str, Any]) -> str:
    """Return a row as JSON, its bytes by hash and length."""
    return json.dumps(row, ensure_ascii=False, default=_named)


def _named(value: object) -> object:
    if isinstance(value, bytes):
        return {"content_hash": content_hash(value), "n_bytes": len(value)}
    return str(value)
