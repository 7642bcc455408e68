"""The few dozen pictures that a report shows: opened again, small, as data URIs."""

import base64
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from sft_audit.config import AuditConfig
from sft_audit.record.audited import AuditedImage, find_images, read_image
from sft_audit.record.decode import FAULTS, FORMATS
from sft_audit.sample import content_hash
from sft_audit.store import Store

LONGEST = 160
MOST_BYTES = 1_200_000
_MOST_PIXELS = 50_000_000


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture to show: a data URI, and the size at which it is shown, in px."""

    uri: str
    width: int
    height: int


def read_pictures(store: Store, config: AuditConfig, image_ids: Sequence[str]) -> dict[str, Picture]:
    """Return the pictures by image_id, in the order given until MOST_BYTES are spent.

    An image is read again where the audit found it, under the image root or inside its row, and only if its
    bytes are still those that were audited; otherwise the 32 x 32 grey thumbnail of the audit is shown.
    """
    known = {image.image_id: image for image in find_images(store, list(image_ids))}
    pictures: dict[str, Picture] = {}
    spent = 0
    for image_id in dict.fromkeys(image_ids):
        if image_id in known and spent < MOST_BYTES:
            image = known[image_id]
            picture = _draw(image, config)
            if picture is not None:
                pictures[image_id] = picture
                spent += len(picture.uri)
    return pictures


def _draw(image: AuditedImage, config: AuditConfig) -> Picture | None:
    if image.width * image.height <= _MOST_PIXELS:
        data = read_image(image, config)
        if data is not None and content_hash(data) == image.image_id:
            with warnings.catch_warnings(), suppress(*FAULTS, MemoryError):
                warnings.simplefilter("ignore")
                return small(data)
    return _grey(image.grey, image.width, image.height)


def small(data: bytes, longest: int = LONGEST) -> Picture:
    """Return a picture of at most so many pixels a side; raises one of FAULTS where the bytes are none."""
    from PIL import Image, ImageOps

    with Image.open(BytesIO(data), formats=FORMATS) as image:
        image.draft("RGB", (2 * longest, 2 * longest))
        upright = ImageOps.exif_transpose(image).convert("RGBA")
        upright.thumbnail((longest, longest))
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
