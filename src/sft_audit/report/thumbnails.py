"""The few dozen pictures that a report shows: opened again, small, as data URIs."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import Any

from sft_audit.config import AuditConfig
from sft_audit.store import Store

LONGEST = 160
MOST_BYTES = 1_200_000
_MOST_PIXELS = 50_000_000
_MOST_FILE_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture to show: a data URI, and the size at which it is shown, in px."""

    uri: str
    width: int
    height: int


def read_pictures(store: Store, config: AuditConfig, image_ids: Sequence[str]) -> dict[str, Picture]:
    """Return the pictures by image_id, in the order given until MOST_BYTES are spent.

    A file is opened again only under the image root and only if its bytes are still those that were audited;
    otherwise the 32 x 32 grey thumbnail of the audit is shown.
    """
    known = {
        image_id: (uri, width, height, grey)
        for image_id, uri, width, height, grey in store.rows(
            """
            select image_id, uri, width, height, thumbnail
            from images
            semi join (select distinct unnest($ids::varchar[]) as image_id) using (image_id)
            """,
            {"ids": list(image_ids)},
        )
    }
    pictures: dict[str, Picture] = {}
    spent = 0
    for image_id in dict.fromkeys(image_ids):
        if image_id in known and spent < MOST_BYTES:
            uri, width, height, grey = known[image_id]
            picture = _again(config, image_id, uri, width * height) or _grey(grey, width, height)
            if picture is not None:
                pictures[image_id] = picture
                spent += len(picture.uri)
    return pictures


def _again(config: AuditConfig, image_id: str, uri: str, pixels: int) -> Picture | None:
    """Return the image as its viewer would see it, or None where it cannot be had again."""
    path = _path(config, uri)
    if path is None or pixels > _MOST_PIXELS:
        return None
    try:
        data = path.read_bytes() if path.stat().st_size <= _MOST_FILE_BYTES else b""
        if blake2b(data, digest_size=16).hexdigest() != image_id:
            return None
        return _small(data)
    except (OSError, ValueError):
        return None


def _path(config: AuditConfig, uri: str) -> Path | None:
    root = (config.images or config.data[0].parent).resolve()
    try:
        path = (root / uri).resolve()
    except (OSError, ValueError):
        return None
    return path if path.is_relative_to(root) and path.is_file() else None


def _small(data: bytes) -> Picture:
    from PIL import Image, ImageOps

    with Image.open(BytesIO(data)) as image:
        image.draft("RGB", (2 * LONGEST, 2 * LONGEST))
        upright = ImageOps.exif_transpose(image).convert("RGBA")
        upright.thumbnail((LONGEST, LONGEST))
    sheet = Image.new("RGB", upright.size, "white")
    sheet.paste(upright, mask=upright)
    return _encoded(sheet, "JPEG", *sheet.size)


def _grey(levels: bytes | None, width: int, height: int) -> Picture | None:
    """Return the audit's own thumbnail, in the shape of the image."""
    from PIL import Image

    if not levels or len(levels) != 1024:
        return None
    scale = LONGEST / max(width, height, 1)
    shown = max(8, round(width * scale)), max(8, round(height * scale))
    return _encoded(Image.frombytes("L", (32, 32), levels), "PNG", *shown)


def _encoded(image: Any, kind: str, width: int, height: int) -> Picture:  # noqa: ANN401 - Pillow is imported late
    buffer = BytesIO()
    image.save(buffer, kind, quality=72, optimize=True)
    text = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Picture(f"data:image/{kind.lower()};base64,{text}", width, height)
