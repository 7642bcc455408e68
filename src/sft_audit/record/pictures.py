"""An image file as a model is given it: opened within limits, turned as its camera held it, in RGB."""

import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

from sft_audit.record.decode import FAULTS, FORMATS, PIXEL_LIMIT, UndecodableError, explain, refuse_bomb
from sft_audit.record.places import ImageRoot

_ANYWHERE = ImageRoot("/")
Picture = Any  # PIL.Image.Image, which is imported where it is used


def open_picture(path: str | Path) -> Picture:
    """Return the image at an absolute path as Pillow's RGB, EXIF orientation applied.

    Transparency is dropped and deep grey levels are cut, as `convert("RGB")` does and with it the processors
    of `transformers`. Whether the path may be looked at is the caller's to know: `places.ImageRoot` tells.
    Raises UndecodableError.
    """
    data = read_picture(path)
    try:
        return _open(data)
    except MemoryError:
        raise UndecodableError("unreadable", "there was not enough memory to decode it") from None


def read_picture(path: str | Path) -> bytes:
    """Return the bytes of an image file of at most 256 MiB; raise UndecodableError."""
    located = _ANYWHERE.locate(str(path))
    if located.path is None:
        raise UndecodableError("missing", located.detail or "no such file")
    try:
        return Path(located.path).read_bytes()
    except OSError as fault:
        raise UndecodableError("unreadable", (fault.strerror or str(fault)).lower()) from None


def _open(data: bytes) -> Picture:
    from PIL import Image, ImageOps

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(BytesIO(data), formats=FORMATS) as image:
                refuse_bomb(*image.size)
                return ImageOps.exif_transpose(image).convert("RGB")
        except Image.DecompressionBombError:
            raise UndecodableError("bomb", f"more than {PIXEL_LIMIT:,} pixels") from None
        except FAULTS as fault:
            raise explain(data, fault) from None
