"""Repair one JSON or JSON Lines file."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from sft_audit.readers.json_row import ROW_LIMIT
from sft_audit.remedies.edit import apply_to_text
from sft_audit.remedies.ledger import Ledger, spelled
from sft_audit.remedies.plan import InputFile, Plan, PlannedRow
from sft_audit.remedies.rewriters import changes_for
from sft_audit.remedies.splice import (
    Piece,
    Row,
    Source,
    array_pieces,
    copy,
    line_pieces,
    source_of,
    write,
)


def repair_json(one: InputFile, rows: Iterable[PlannedRow], plan: Plan, folder: Path, ledger: Ledger) -> None:
    """Write the file without the rows that go, and with those that are rewritten in their place."""
    cut = array_pieces if one.container == "json_array" else line_pieces
    with Path(one.path).open("rb") as opened, (folder / one.file).open("wb") as out:
        source = source_of(opened, one.n_bytes)
        fates = _fates(one, source, rows, plan, folder, ledger)
        write(source, _noted(one, source, cut(source, fates, mend=one.mend), ledger), out)


def _fates(
    one: InputFile, source: Source, rows: Iterable[PlannedRow], plan: Plan, folder: Path, ledger: Ledger
) -> Iterator[Row]:
    """Yield what becomes of every row, and record it."""
    for row in rows:
        if row.causes and not plan.drops.isdisjoint(cause.check for cause in row.causes):
            ledger.remove(one.file, row, _kept_bytes(one, source, row, folder))
            yield Row(row.start, row.stop, kept=False)
        else:
            text = _rewritten(one, source, row, ledger) if row.causes else None
            if text is None:
                ledger.keep(row)
            yield Row(row.start, row.stop, text=text)


def _rewritten(one: InputFile, source: Source, row: PlannedRow, ledger: Ledger) -> bytes | None:
    """Return the row's new text, or None where no rewriter has a change for it."""
    before = after = source.read(row.start, row.stop)
    done: dict[str, str] = {}
    for cause in row.causes:
        try:
            changes = changes_for(cause.check, json.loads(after), cause.evidence)
        except ValueError:  # the reader passes over bytes that are not UTF-8; what is written has to be
            return None
        if changes.made:
            after = apply_to_text(after, changes.made)
            done[cause.check] = changes.reason
    if after == before:
        return None
    ledger.change(one.file, row, done, spelled({"before": before, "after": after}))
    return after


def _kept_bytes(one: InputFile, source: Source, row: PlannedRow, folder: Path) -> dict[str, str]:
    """Return the row's bytes for the record; those of a row beyond the limit go into a file of their own."""
    if row.stop - row.start <= ROW_LIMIT:
        return spelled({"raw": source.read(row.start, row.stop)})
    name = f"removed/{one.file}.{row.start}.bin"
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("wb") as out:
        copy(source, row.start, row.stop, out)
    return {"raw_file": name}


def _noted(one: InputFile, source: Source, pieces: Iterable[Piece], ledger: Ledger) -> Iterator[Piece]:
    """Pass the pieces on, and record those that mend something."""
    for piece in pieces:
        if piece.mends and piece.text is not None:
            ledger.mend(one.file, piece.start, source.read(piece.start, piece.stop), piece.text)
        yield piece
