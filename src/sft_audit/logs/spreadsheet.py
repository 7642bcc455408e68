"""Rows of a table with tabs between its cells, and of a workbook; the first row names the columns."""

import csv
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

from sft_audit.errors import AuditError
from sft_audit.readers.file_bytes import BOM
from sft_audit.readers.json_row import ROW_LIMIT

# What openpyxl, zipfile and zlib raise where a workbook is damaged.
_DAMAGE = (
    AttributeError,
    BadZipFile,
    EOFError,
    LookupError,
    OSError,
    ParseError,
    RuntimeError,
    TypeError,
    ValueError,
    zlib.error,
)
_NAMED = {b"index", b"prediction"}
_WORKBOOK_LIMIT = 1 << 30
_MOST_ROWS, _MOST_COLUMNS = 1 << 20, 256  # as many rows as a worksheet can have


def is_table(head: bytes) -> bool:
    """Return whether a file starts with names between tabs, `index` and `prediction` among them."""
    line = head.removeprefix(BOM).partition(b"\n")[0]
    return {cell.strip(b'"\r ') for cell in line.split(b"\t")} >= _NAMED


def table_rows(path: Path) -> Iterator[bytes | str]:
    """Yield the rows of a table as JSON, or what is wrong with one."""
    before = csv.field_size_limit(ROW_LIMIT)
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
            yield from _rows(csv.reader(lines, delimiter="\t"))
    except csv.Error as fault:
        raise AuditError(f"{path}: not a readable table: {fault}; is a quotation mark left open?") from None
    finally:
        csv.field_size_limit(before)


def workbook_rows(path: Path, size: int) -> Iterator[bytes | str]:
    """Yield the rows of a workbook's first sheet as JSON; `size` is what it unpacks to, bytes."""
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise AuditError(
            f"{path}: reading a workbook takes openpyxl: pip install 'sft-audit[workbooks]', or save the "
            "predictions as a table (PRED_FORMAT=tsv)"
        ) from None
    if size > _WORKBOOK_LIMIT:
        raise AuditError(f"{path}: it unpacks to more than {_WORKBOOK_LIMIT >> 30} GiB; save it as .tsv")
    try:
        with closing(load_workbook(path, read_only=True, data_only=True)) as book:
            cells = book.worksheets[0].iter_rows(max_row=_MOST_ROWS, max_col=_MOST_COLUMNS, values_only=True)
            yield from _rows(row for row in cells if row.count(None) < len(row))
    except _DAMAGE as fault:
        raise AuditError(f"{path}: not a readable workbook: {' '.join(str(fault).split())}") from None


def _rows(rows: Iterable[Sequence[Any]]) -> Iterator[bytes | str]:
    """Yield every row under the names of the first; a workbook's rows end with cells that have no name."""
    columns: list[str] | None = None
    for row in rows:
        if columns is None:
            columns = [str(name) for name in row if name is not None]
        elif len(row) < len(columns) or any(cell is not None for cell in row[len(columns) :]):
            yield f"{len(row)} cells under {len(columns)} columns"
        else:
            yield json.dumps(dict(zip(columns, row, strict=False)), default=str).encode()
