"""From the address of an image, as a row spells it, to the file it names: always one under the image root."""

import os
import re
import stat
from dataclasses import dataclass
from errno import ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR
from urllib.parse import unquote

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_BOX_SUFFIX = "###"  # Visual-CoT writes `path###[x0, y0, x1, y1]`
_FILE_LIMIT = 256 << 20
_NO_FILE = (ENOENT, ENOTDIR, ENAMETOOLONG, ELOOP)


@dataclass(frozen=True, slots=True)
class Located:
    """Where an image lies and how large it is, or why it cannot be opened."""

    path: str | None = None
    n_bytes: int = 0
    problem: str | None = None
    detail: str | None = None


class ImageRoot:
    """A folder that holds images, and the folders below it that were looked into already."""

    def __init__(self, folder: str) -> None:
        self._folder = os.path.realpath(folder)
        self._known: dict[str, str] = {}

    def locate(self, uri: str) -> Located:
        """Find the file; nothing outside the root is looked at, not even to learn whether it exists."""
        address = uri.partition(_BOX_SUFFIX)[0].strip()
        if address.startswith("file://"):
            address = unquote(address.removeprefix("file://"))
        elif scheme := _SCHEME.match(address):
            return Located(problem="remote", detail=f"{scheme[0]} addresses are not fetched")
        try:
            path = self._resolve(address)
            if not self._holds(path):
                return Located(problem="outside_root", detail=f"it lies outside {self._folder}")
            return _examine(path, os.lstat(path))
        except ValueError:  # a NUL byte, or a character that no file name can hold
            return Located(problem="missing", detail="no file can have this name")
        except OSError as fault:
            if fault.errno in _NO_FILE:
                return Located(problem="missing", detail=f"no such file under {self._folder}")
            return Located(problem="unreadable", detail=(fault.strerror or str(fault)).lower())

    def _resolve(self, address: str) -> str:
        """Return the path with every symbolic link followed; each folder is resolved only once."""
        folder, name = os.path.split(os.path.join(self._folder, address))  # noqa: PTH118 - a million of them
        if name in ("", ".", ".."):
            return os.path.realpath(os.path.join(folder, name))  # noqa: PTH118
        if folder not in self._known:
            self._known[folder] = os.path.realpath(folder)
        path = os.path.join(self._known[folder], name)  # noqa: PTH118
        return os.path.realpath(path) if self._holds(path) and os.path.islink(path) else path  # noqa: PTH114

    def _holds(self, path: str) -> bool:
        return path == self._folder or path.startswith(self._folder.rstrip(os.sep) + os.sep)


def _examine(path: str, seen: os.stat_result) -> Located:
    if stat.S_ISDIR(seen.st_mode):
        return Located(problem="is_a_folder", detail="a folder, not a file")
    if stat.S_ISLNK(seen.st_mode):
        return Located(problem="missing", detail="a link that leads back to itself")
    if not stat.S_ISREG(seen.st_mode):
        return Located(problem="not_an_image", detail="a device, pipe or socket, not a file")
    if seen.st_size == 0:
        return Located(problem="empty_file", detail="0 bytes")
    if seen.st_size > _FILE_LIMIT:
        detail = f"{seen.st_size:,} bytes, more than the {_FILE_LIMIT:,} that are read"
        return Located(problem="unreadable", detail=detail)
    return Located(path, seen.st_size)
