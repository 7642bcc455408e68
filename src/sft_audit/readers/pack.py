"""A frozen probe pack, as a data set: it is read only if nothing in it was changed."""

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

from sft_audit.errors import AuditError

PACK_VERSION = 1
MANIFEST, PROBES, IMAGES, PAGE = "pack.json", "probes.jsonl", "images", "review.html"
_NAME = re.compile(rf"{IMAGES}/[0-9a-f]{{32}}\.[a-z0-9]{{1,8}}")


def is_pack(folder: Path) -> bool:
    """Return whether a folder says that it is a probe pack."""
    return (folder / MANIFEST).is_file() and (folder / PROBES).is_file()


def verify(folder: Path) -> dict[str, Any]:
    """Return the manifest of a pack; raise AuditError where it is not as it was frozen."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise AuditError(f"{folder}: {MANIFEST} cannot be read; make the pack again") from None
    match manifest:
        case {"pack_version": int(version), "probes": str(probes), "images": dict(images)}:
            pass
        case _:
            raise AuditError(f"{folder}: {MANIFEST} is not that of a probe pack; make the pack again")
    if version != PACK_VERSION:
        raise AuditError(
            f"{folder}: pack version {version}, this release reads {PACK_VERSION}; make the pack again"
        )
    _require(folder, PROBES, probes)
    for name, digest in images.items():
        if not _NAME.fullmatch(name):
            raise AuditError(f"{folder}: {MANIFEST} names {name!r}, which no pack holds; make the pack again")
        _require(folder, name, digest)
    return dict(manifest)


def _require(folder: Path, name: str, digest: object) -> None:
    try:
        found = sha256((folder / name).read_bytes()).hexdigest()
    except OSError:
        found = ""
    if found != digest:
        fault = "is not what was frozen" if found else "is missing"
        raise AuditError(f"{folder}: {name} {fault}; a changed pack measures nothing: make it again")
