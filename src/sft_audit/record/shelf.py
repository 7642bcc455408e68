"""What models said already, on disk: an audit that was stopped goes on, and a base model is asked once."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from sft_audit.errors import AuditError

log = logging.getLogger(__name__)

_VERSION = 2


@dataclass(slots=True)
class Shelf:
    """One JSON Lines file of answers by key; a last line that was cut short is no answer."""

    path: Path
    _known: dict[str, Any] = field(default_factory=dict)
    _file: TextIO | None = None

    def __enter__(self) -> Self:
        """Read what is there; raise AuditError where the folder cannot be written."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.is_file():
                self._read()
            self._file = self.path.open("a", encoding="utf-8")
        except OSError as fault:
            raise AuditError(
                f"{self.path.parent}: {(fault.strerror or str(fault)).lower()}; give another --cache"
            ) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        if self._file:
            self._file.close()

    def get(self, key: str) -> Any | None:  # noqa: ANN401 - any JSON value
        """Return what stands under a key, if anything does."""
        return self._known.get(_short(key))

    def put(self, key: str, value: Any) -> None:  # noqa: ANN401
        """Keep a value under a key, on disk from the next flush on."""
        self._known[_short(key)] = value
        if self._file:
            self._file.write(json.dumps([_short(key), value]) + "\n")

    def flush(self) -> None:
        """Put on disk what was kept."""
        if self._file:
            self._file.flush()

    def _read(self) -> None:
        whole = self.path.read_bytes()
        end = whole.rfind(b"\n") + 1
        damaged = 0
        for line in whole[:end].splitlines():
            try:
                key, value = json.loads(line)
                self._known[str(key)] = value
            except (ValueError, TypeError):
                damaged += 1
        if damaged:
            log.warning(
                "%s: %d damaged lines are passed over; what they held is asked again", self.path, damaged
            )
        if end < len(whole):
            with self.path.open("r+b") as file:
                file.truncate(end)


def fingerprint(folders: Sequence[Path], settings: Mapping[str, object]) -> str:
    """Return a name for the folders of a model as they stand and the settings that it is asked with.

    Files are told by size and time of change: hashing the weights would take as long as asking.
    """
    files = [
        (str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns)
        for folder in folders
        for path in sorted(folder.iterdir())
        if path.is_file()
    ]
    told = json.dumps([_VERSION, files, dict(settings)], sort_keys=True)
    return sha256(told.encode()).hexdigest()[:24]


def answers_folder(cache: Path | None, out: Path) -> Path:
    """Return the folder of what models said: the one that is given, else beside the audit's."""
    return cache or out.absolute().parent / f".{out.name}.answers"


def _short(key: str) -> str:
    return sha256(key.encode("utf-8", "replace")).hexdigest()[:32]
