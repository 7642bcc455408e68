"""The bytes of a file while it is read: any range, the hash of the whole, proof that it did not change."""

import os
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG
from types import TracebackType
from typing import Self

from sft_audit.errors import AuditError

BLOCK = 4 << 20
BOM = b"\xef\xbb\xbf"


class FileBytes:
    """An open file. Every byte goes through the hash once, in order, however often it is read."""

    def __init__(self, path: Path) -> None:
        """Open the file; raise AuditError where it cannot be."""
        self.path = path
        try:
            if not S_ISREG(path.stat().st_mode):
                raise AuditError(f"{path}: not a regular file; write its content to a file and give that")
            self._file = path.open("rb", buffering=0)
        except OSError as fault:
            why = (fault.strerror or str(fault)).lower()
            raise AuditError(f"{path}: {why}; give a file that can be read") from None
        self._was = self._state()
        self.size = self._was[0]
        self._hash = sha256()
        self._hashed = 0

    def read(self, start: int, n: int) -> bytes:
        """Return up to n bytes from an offset: fewer only where the file ends."""
        while self._hashed < start:
            self._fetch(self._hashed, min(BLOCK, start - self._hashed))
        return self._fetch(start, n)

    def range_hash(self, start: int, n: int) -> str:
        """Return the `content_hash` of a range."""
        digest = sha256()
        for at in range(start, start + n, BLOCK):
            digest.update(self.read(at, min(BLOCK, start + n - at)))
        return digest.hexdigest()[:32]

    def finish(self) -> str:
        """Return the `content_hash` of the whole file; raise AuditError if it changed since it was opened."""
        while self._hashed < self.size:
            self._fetch(self._hashed, BLOCK)
        if self._state() != self._was:
            raise self._changed()
        return self._hash.hexdigest()[:32]

    def _fetch(self, start: int, n: int) -> bytes:
        n = min(n, self.size - start)
        self._file.seek(start)
        parts, missing = [], n
        while missing > 0 and (part := self._file.read(missing)):
            parts.append(part)
            missing -= len(part)
        if missing > 0:
            raise self._changed()
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        if start <= self._hashed < start + len(data):
            self._hash.update(memoryview(data)[self._hashed - start :])
            self._hashed = start + len(data)
        return data

    def _state(self) -> tuple[int, int]:
        status = os.fstat(self._file.fileno())
        return status.st_size, status.st_mtime_ns

    def _changed(self) -> AuditError:
        return AuditError(f"{self.path}: it changed while it was read; run again when nothing writes to it")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
