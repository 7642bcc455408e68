"""What a repair came to."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class CleanResult:
    """What a repair came to: rows in = kept + changed + removed.

    `mended` counts places between rows that were made JSON, `by_check` the rows removed or changed by code,
    `unmended` the rows for which no rewriter had a change, `unasked` those for which there is a remedy that
    needs to be asked for. `images` is the folder that image paths still
    point into: images are not copied. After a dry run `folder` is None and `changed` is an upper bound.
    """

    rows: int
    kept: int
    changed: int
    removed: int
    mended: int
    by_check: Mapping[str, int]
    unmended: Mapping[str, int]
    unasked: Mapping[str, int]
    folder: Path | None
    files: tuple[Path, ...]
    images: str | None

    def summary(self) -> dict[str, object]:
        """Return the object that `--json` prints."""
        return {
            **asdict(self),
            "folder": self.folder and str(self.folder),
            "files": [str(path) for path in self.files],
        }

    def text(self) -> str:
        """Return what the terminal shows."""
        lines = [
            f"{self.rows:,} rows: {self.kept:,} kept, {self.changed:,} changed, {self.removed:,} removed"
        ]
        lines += [f"  {code}  {n:,}" for code, n in self.by_check.items()]
        if self.mended:
            lines.append(f"{self.mended:,} place{'s' * (self.mended > 1)} between rows made JSON")
        lines += [f"{code}: {n:,} rows were not rewritten and stay" for code, n in self.unmended.items()]
        lines += [
            f"{code}: {n:,} rows stay as they are; --unsafe {code} repairs them"
            for code, n in self.unasked.items()
        ]
        if self.folder is None:
            return "\n".join([*lines, "nothing was written (dry run)"])
        if self.images:
            lines.append(f"images are not copied: audit and train with their folder, {self.images}")
        return "\n".join([*lines, f"written to {self.folder}"])
