"""One image file's bytes: what its header says, and its grey levels scaled down while decoding."""

import math
import struct
import warnings
import zlib
from dataclasses import dataclass
from typing import Any, Literal

from sft_audit.record.orientation import jpeg_orientation

Unreadable = Literal["missing", "unreadable", "empty_file", "not_an_image", "truncated", "corrupt", "bomb"]

LONGEST = 192
PIXEL_LIMIT = 2 * 89_478_485  # beyond it Pillow, and so every trainer, raises DecompressionBombError
_JPEG_MODES = {"Gray": "L", "YCbCr": "RGB", "RGB": "RGB"}
_TOLERATED = ("extraneous bytes", "unknown JFIF", "Adobe color transform")
# What decoders raise on hostile bytes. A MemoryError says as much about this machine as about the file.
FAULTS = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
# Formats that Pillow decodes itself; EPS and its like would start other programs.
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF", "ICO")
# Formats that Pillow decodes too, and so may a trainer.
_NOT_DECODED = (
    "BLP",
    "CUR",
    "DCX",
    "DDS",
    "DIB",
    "FLI",
    "ICNS",
    "IM",
    "PCX",
    "PSD",
    "QOI",
    "SGI",
    "SUN",
    "TGA",
)
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"RIFF", b"II*\0", b"MM\0*", b"BM")


class UndecodableError(Exception):
    """The bytes are no whole image: the kind of fault, and one clause that says what was seen."""

    def __init__(self, kind: Unreadable, detail: str) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Decoded:
    """The header's facts, and `grey`: uint8 of shape (height, width), longest side at most 192."""

    width: int
    height: int
    mode: str
    format: str
    orientation: int
    frames: int
    alpha: bool
    grey: Any


def decode(data: bytes) -> Decoded:
    """Decode once, at the smallest scale that the features need; raise UndecodableError."""
    if not data:
        raise UndecodableError("empty_file", "0 bytes")
    try:
        return _decode_jpeg(data) if data.startswith(b"\xff\xd8\xff") else _decode_with_pillow(data)
    except MemoryError:
        raise UndecodableError("unreadable", "there was not enough memory to decode it") from None


def _decode_jpeg(data: bytes) -> Decoded:
    import simplejpeg

    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return _decode_with_pillow(data)
    if colours not in _JPEG_MODES:
        return _decode_with_pillow(data)
    refuse_bomb(width, height)
    eighths = max(1, min(8, 8 * LONGEST // max(width, height)))
    least = -(-height * eighths // 8), -(-width * eighths // 8)
    try:
        grey = simplejpeg.decode_jpeg(data, "GRAY", min_height=least[0], min_width=least[1])
    except ValueError as fault:
        _judge_jpeg(data, str(fault))
        grey = simplejpeg.decode_jpeg(data, "GRAY", min_height=least[0], min_width=least[1], strict=False)
    return Decoded(
        width, height, _JPEG_MODES[colours], "JPEG", jpeg_orientation(data), 1, False, _shrink(grey[:, :, 0])
    )


def _judge_jpeg(data: bytes, seen: str) -> None:
    """Raise for a fault that costs pixels; return for one that every decoder passes over."""
    if "Premature end" in seen or not data.rfind(b"\xff\xd9", -1024) > 0:
        raise UndecodableError("truncated", "the JPEG data ends before the image does")
    if not any(part in seen for part in _TOLERATED):
        raise UndecodableError("corrupt", seen)


def _decode_with_pillow(data: bytes) -> Decoded:
    from io import BytesIO

    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(BytesIO(data), formats=FORMATS) as image:
                return _read(image)
        except Image.DecompressionBombError:
            raise UndecodableError("bomb", f"more than {PIXEL_LIMIT:,} pixels") from None
        except FAULTS as fault:
            raise explain(data, fault) from None


def _read(image: Any) -> Decoded:  # noqa: ANN401 - Pillow's image, imported late
    width, height = image.size
    refuse_bomb(width, height)
    mode = _stored_mode(image)
    frames = getattr(image, "n_frames", 1)
    orientation = _orientation(image)
    image.draft("L", (LONGEST, LONGEST))
    image.load()
    alpha = image.has_transparency_data and image.convert("RGBA").getextrema()[3][0] < 255
    return Decoded(width, height, mode, image.format or "", orientation, frames, alpha, _shrink(_grey(image)))


def _stored_mode(image: Any) -> str:  # noqa: ANN401
    """Return the pixel format as stored: Pillow shows 16-bit colour as RGB, its decoder's name tells."""
    tile = image.tile[0] if image.tile else None
    raw = tile[3] if tile else None
    raw = raw[0] if isinstance(raw, tuple) and raw else raw
    return raw if isinstance(raw, str) and ";16" in raw else str(image.mode)


def _orientation(image: Any) -> int:  # noqa: ANN401
    if image.format not in ("JPEG", "MPO", "TIFF") and "exif" not in image.info:
        return 1
    found = image.getexif().get(0x0112)
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _grey(image: Any) -> Any:  # noqa: ANN401
    """Return the grey levels as uint8; 16-bit and float levels are brought down as linear light."""
    import numpy as np

    if image.mode == "L":
        return np.asarray(image)
    if image.mode.startswith("I"):
        levels = np.asarray(image).astype(np.int64)
        return np.clip(levels >> 8 if levels.max() > 255 else levels, 0, 255).astype(np.uint8)
    if image.mode == "F":
        return np.nan_to_num(np.clip(np.asarray(image), 0, 255)).astype(np.uint8)
    if image.mode in ("LAB", "HSV", "PA"):
        image = image.convert("RGB")
    return np.asarray(image.convert("L"))


def _shrink(grey: Any) -> Any:  # noqa: ANN401
    """Return the levels averaged over squares of pixels, as many as bring the longest side to at most 192."""
    factor = math.ceil(max(grey.shape) / LONGEST)
    if factor == 1:
        return grey
    import numpy as np
    from PIL import Image

    return np.asarray(Image.fromarray(np.ascontiguousarray(grey)).reduce(factor))


def refuse_bomb(width: int, height: int) -> None:
    """Raise UndecodableError for an image of more pixels than are decoded."""
    if width * height > PIXEL_LIMIT:
        raise UndecodableError(
            "bomb", f"{width} x {height} = {width * height:,} pixels, more than {PIXEL_LIMIT:,}"
        )


def explain(data: bytes, fault: BaseException) -> UndecodableError:
    """Tell a cut file from a damaged one and from a file that is no image at all."""
    seen = " ".join(str(fault).split())[:200] or type(fault).__name__
    if not data.startswith(_MAGIC) and type(fault).__name__ == "UnidentifiedImageError":
        if known := _format_not_decoded(data):
            return UndecodableError("unreadable", f"a {known} image, a format that is not decoded here")
        return UndecodableError("not_an_image", f"it starts with {data[:8]!r}")
    cut_jpeg = data.startswith(b"\xff\xd8\xff") and b"\xff\xd9" not in data[-1024:]
    if cut_jpeg or "truncated" in seen.lower() or isinstance(fault, EOFError):
        return UndecodableError("truncated", "the data ends before the image does")
    if type(fault).__name__ == "UnidentifiedImageError":
        seen = f"its first bytes say what it is ({data[:4]!r}), the rest cannot be read"
    return UndecodableError("corrupt", seen)


def _format_not_decoded(data: bytes) -> str | None:
    """Return the format of an image that Pillow knows and we do not decode; its header alone is read."""
    from io import BytesIO

    from PIL import Image

    try:
        with Image.open(BytesIO(data), formats=_NOT_DECODED) as image:
            return image.format
    except (*FAULTS, Image.DecompressionBombError):
        return None
