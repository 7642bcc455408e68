"""The EXIF orientation of a JPEG, from its first segments alone."""

import struct

_START_OF_SCAN = 0xDA
_APP1 = 0xE1
_ORIENTATION = 0x0112


def jpeg_orientation(data: bytes) -> int:
    """Return 1 to 8; 1 where there is none or it cannot be read (EXIF 2.32, 4.5.4 and 4.6.4)."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == _START_OF_SCAN:
            break
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _APP1 and data[at + 4 : at + 10] == b"Exif\0\0":
            return _from_tiff(data[at + 10 : at + 2 + length])
        at += 2 + length
    return 1


def _from_tiff(tiff: bytes) -> int:
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return 1
    (first,) = struct.unpack_from(f"{order}I", tiff, 4)
    if first + 2 > len(tiff):
        return 1
    (entries,) = struct.unpack_from(f"{order}H", tiff, first)
    for at in range(first + 2, min(first + 2 + 12 * entries, len(tiff) - 11), 12):
        tag, kind = struct.unpack_from(f"{order}HH", tiff, at)
        if tag == _ORIENTATION and kind == 3:
            (value,) = struct.unpack_from(f"{order}H", tiff, at + 8)
            return value if 1 <= value <= 8 else 1
    return 1
