"""Where faults are planted: the rows, which of them are still untouched, and the truth about the others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from sft_audit.demo.row import Comparison, Row, fresh_name


@dataclass(frozen=True, slots=True)
class Planted:
    """One planted fault: its name in plain words, and the row that has it.

    Without a row it is a fault of the `source` as a whole; without a source, of the file's. `position` is the
    row's 1-based place in the file; `beside` are ids of sound rows that are concerned: the
    row that was copied, the row that is contradicted, the rows that use the image that was saved again.
    """

    fault: str
    row: str | None
    position: int | None
    source: str
    beside: tuple[str, ...] = ()


class Bed:
    """Rows in which faults are planted, at most one in each; `random` decides where."""

    def __init__(
        self, rows: Sequence[Row], comparisons: Sequence[Comparison], images: Path, random: Random
    ) -> None:
        """Take the sound rows, the known comparisons, and the folder of the images."""
        self.rows = list(rows)
        self.comparisons = comparisons
        self.images = images
        self.random = random
        self._untouched = list(rows)
        random.shuffle(self._untouched)
        self._planted: list[tuple[str, Row, tuple[Row, ...]]] = []
        self._whole: list[tuple[str, str]] = []

    def pick(self, wanted: Callable[[Row], bool]) -> Row:
        """Return a wanted, untouched row of one question about one image; it counts as touched now."""
        row = next(r for r in self._untouched if len(r.images) == 1 and len(r.turns) == 2 and wanted(r))
        self.touch(row)
        return row

    def touch(self, row: Row) -> None:
        """Keep the row from being picked."""
        self._untouched = [one for one in self._untouched if one is not row]

    def replace(self, old: Row, new: Row, fault: str, beside: Sequence[Row] = ()) -> None:
        """Put the faulty row where the sound one was."""
        self.rows[next(n for n, row in enumerate(self.rows) if row is old)] = new
        self._planted.append((fault, new, tuple(beside)))

    def add(self, new: Row, fault: str, beside: Sequence[Row]) -> None:
        """Put a further, faulty row anywhere after the sound ones that it is about."""
        after = max((n for n, row in enumerate(self.rows) if any(row is one for one in beside)), default=0)
        self.rows.insert(self.random.randint(after + 1, len(self.rows)), new)
        self._planted.append((fault, new, tuple(beside)))

    def spoil(self, source: str, rows: Sequence[Row], fault: str) -> None:
        """Make these the rows of the source, which has the fault as a whole."""
        kept = {row.id: row for row in rows}
        self.rows = [kept.get(row.id, row) for row in self.rows if row.source != source or row.id in kept]
        self._whole.append((fault, source))

    def mar(self, old: Row, new: Row, fault: str) -> None:
        """Put the row where the sound one was; the fault is the file's and not the row's."""
        self.rows[next(n for n, row in enumerate(self.rows) if row is old)] = new
        self._whole.append((fault, ""))

    def take_source(self, source: str) -> list[Row]:
        """Return all rows of the source; they count as touched now."""
        rows = [row for row in self.rows if row.source == source]
        for row in rows:
            self.touch(row)
        return rows

    def new_image(self, content: bytes | None) -> str:
        """Return a file name like those of the other images; the file is written unless content is None."""
        name = f"{fresh_name(self.random)}.jpg"
        if content is not None:
            (self.images / name).write_bytes(content)
        return name

    def truth(self) -> list[Planted]:
        """Return what was planted, with the rows' final places."""
        place = {id(row): n for n, row in enumerate(self.rows, 1)}
        return [
            *(
                Planted(fault, row.id, place[id(row)], row.source, tuple(one.id for one in beside))
                for fault, row, beside in self._planted
            ),
            *(Planted(fault, None, None, source) for fault, source in self._whole),
        ]
