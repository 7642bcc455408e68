"""The record of a repair: every row that was removed or changed, with its reason and its bytes."""

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from sft_audit.readers.inputs import CHANGED, REMOVED
from sft_audit.remedies.plan import STRUCTURE, PlannedRow


class Ledger:
    """Writes `removed.jsonl` and `changed.jsonl`, and counts."""

    def __init__(self, folder: Path) -> None:
        """Start both files in a folder."""
        self._open = ExitStack()
        self._removed = self._start(folder / REMOVED)
        self._changed = self._start(folder / CHANGED)
        self.counts: Counter[str] = Counter()  # kept, changed, removed, mended: rows, and gaps for the last
        self.by_check: Counter[str] = Counter()
        self.unmended: Counter[str] = Counter()

    def keep(self, row: PlannedRow) -> None:
        """Note that a row stays as it is, whatever its rewriters were asked to do."""
        self.counts["kept"] += 1
        self.unmended.update({cause.check for cause in row.causes})

    def remove(self, file: str, row: PlannedRow, raw: Mapping[str, Any]) -> None:
        """Record a row that goes; `raw` holds its content."""
        self.counts["removed"] += 1
        self._write(self._removed, file, row, {c.check for c in row.causes}, raw)

    def change(self, file: str, row: PlannedRow, done: Mapping[str, str], content: Mapping[str, Any]) -> None:
        """Record a row that was rewritten; `done` gives the reason by code, `content` before and after."""
        self.counts["changed"] += 1
        self.unmended.update({cause.check for cause in row.causes} - set(done))
        self._write(self._changed, file, row, set(done), {"reason": "; ".join(done.values()), **content})

    def mend(self, file: str, byte_offset: int, before: bytes, after: bytes) -> None:
        """Record what was made JSON between two rows."""
        self.counts["mended"] += 1
        self._line(
            self._changed,
            {
                "file": file,
                "byte_offset": byte_offset,
                "n_bytes": len(before),
                "checks": [{"check": STRUCTURE}],
                "reason": "Made what stands between the rows JSON",
                **spelled({"before": before, "after": after}),
            },
        )

    def _write(
        self, to: TextIO, file: str, row: PlannedRow, codes: set[str], content: Mapping[str, Any]
    ) -> None:
        self.by_check.update(codes)
        record = {
            "file": file,
            "position": row.position,
            "line": row.line,
            "byte_offset": row.start,
            "n_bytes": row.stop - row.start,
            "id": row.id,
            "source": row.source,
            "row_hash": row.row_hash,
            "checks": [
                {"check": c.check, "message": c.message, "finding_id": c.finding_id}
                for c in row.causes
                if c.check in codes
            ],
        }
        self._line(to, {**record, **content})

    def _line(self, to: TextIO, record: Mapping[str, Any]) -> None:
        to.write(json.dumps(record, ensure_ascii=False) + "\n")

    def _start(self, path: Path) -> TextIO:
        return self._open.enter_context(path.open("w", encoding="utf-8", newline="\n"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()


def spelled(contents: Mapping[str, bytes]) -> dict[str, str]:
    """Return bytes as text where all are UTF-8, else in base64; `encoding` says which."""
    try:
        return {**{name: raw.decode() for name, raw in contents.items()}, "encoding": "utf-8"}
    except UnicodeDecodeError:
        return {**{name: b64encode(raw).decode() for name, raw in contents.items()}, "encoding": "base64"}
