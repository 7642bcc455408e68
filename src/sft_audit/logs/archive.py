"""Members of a zip archive, one at a time and within bounds: stored, deflated, or compressed by Zstandard.

Nothing is written to disk, so that no name inside leads anywhere.
"""

import struct
import zlib
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from sft_audit.errors import AuditError
from sft_audit.readers.file_bytes import FileBytes
from sft_audit.readers.json_row import ROW_LIMIT, TOO_LARGE

_MAGIC = b"PK\x03\x04"
_HEADER = 30  # bytes of a local header before the name; the lengths of name and extra field end it
_ZSTANDARD = 93
_ENCRYPTED = 1


def is_archive(head: bytes) -> bool:
    """Return whether a file that starts so is a zip archive."""
    return head.startswith(_MAGIC)


def members(source: FileBytes) -> list[ZipInfo]:
    """Return what the directory of an archive lists; raise AuditError where it has none that can be read."""
    try:
        with ZipFile(source.path) as opened:
            return opened.infolist()
    except (BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as fault:
        raise AuditError(f"{source.path}: not a readable zip archive: {fault}; is it cut off?") from None


def unpacked(source: FileBytes, one: ZipInfo) -> bytes | str:
    """Return the bytes of a member of at most 64 MiB, or what is wrong with it."""
    if one.flag_bits & _ENCRYPTED:
        return f"{one.filename!a} is encrypted"
    if max(one.file_size, one.compress_size) > ROW_LIMIT:
        return f"{TOO_LARGE}: {one.file_size:,} bytes"
    packed = _packed(source, one)
    if packed is None:
        return f"{one.filename!a} does not lie where the directory of the archive says"
    try:
        content = _decompressed(packed, one.compress_type, one.file_size + 1)
    except (zlib.error, OSError, EOFError) as fault:
        return f"{one.filename!a} cannot be decompressed: {' '.join(str(fault).split())}"
    if content is None:
        return f"{one.filename!a} is compressed by method {one.compress_type}, which is not read"
    if len(content) != one.file_size or zlib.crc32(content) != one.CRC:
        return f"{one.filename!a} is not what the archive says: its size or checksum differs"
    return content


def _packed(source: FileBytes, one: ZipInfo) -> bytes | None:
    start = one.header_offset
    if not 0 <= start <= source.size - _HEADER:
        return None
    header = source.read(start, _HEADER)
    start += _HEADER + sum(struct.unpack("<HH", header[-4:]))
    if not header.startswith(_MAGIC) or start + one.compress_size > source.size:
        return None
    return source.read(start, one.compress_size)


def _decompressed(packed: bytes, method: int, most: int) -> bytes | None:
    """Return up to `most` bytes; None where the method is not known."""
    if method == ZIP_STORED:
        return packed
    if method == ZIP_DEFLATED:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, most)
    if method == _ZSTANDARD:
        import pyarrow as pa

        with pa.CompressedInputStream(pa.BufferReader(packed), "zstd") as stream:
            return bytes(stream.read(most))
    return None
