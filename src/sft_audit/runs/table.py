"""CSV with a header: a step and numbers, as trackers export them."""

import csv
from collections.abc import Iterator
from pathlib import Path

from sft_audit.errors import AuditError
from sft_audit.readers import Content, RowFault
from sft_audit.runs.metric import Metric, Reading, Unread, metric_format
from sft_audit.runs.plain import STEPS, metrics


def _matches(path: Path, row: Content | None) -> bool:  # noqa: ARG001 - its rows are cells
    if path.suffix not in (".csv", ".tsv"):
        return False
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        header = next(csv.reader([lines.readline(1 << 20)], delimiter=_delimiter(path)), [])
    return any(cell.strip().lower() in STEPS for cell in header)


@metric_format("table", matches=_matches)
def table(path: Path, offset: int) -> Reading:  # noqa: ARG001 - the header stands at the start
    """CSV or TSV with a header: a column `step`, and numbers; an empty cell was not logged."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
            yield from _rows(path, csv.reader(lines, delimiter=_delimiter(path)))
    except csv.Error as fault:
        raise AuditError(f"{path}: not a readable table: {fault}; is a quotation mark left open?") from None
    return 0


def _rows(path: Path, rows: Iterator[list[str]]) -> Iterator[Metric | Unread]:
    header = [cell.strip() for cell in next(rows, [])]
    for line, cells in enumerate(rows, 2):
        if not cells:
            continue
        if len(cells) != len(header):
            yield Unread(path.name, line, f"{len(cells)} cells under {len(header)} columns")
            continue
        try:
            yield from metrics({name: _cell(cell) for name, cell in zip(header, cells, strict=True) if cell})
        except RowFault as fault:
            yield Unread(path.name, line, str(fault))


def _cell(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _delimiter(path: Path) -> str:
    return "\t" if path.suffix == ".tsv" else ","
