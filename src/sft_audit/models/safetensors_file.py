"""The tensors of a safetensors file, read a block at a time without torch.

The safetensors package (0.8) hands bf16 to torch only, and what its memory map has touched counts as memory
of the process; so the header is read here, and blocks are read from the file.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sft_audit.errors import AuditError

Array = Any  # numpy, which is imported where it is used
BLOCK = 1 << 20  # values read at once
_LONGEST_HEADER = 100_000_000
_MOST_DIMENSIONS = 16
# The bytes of a value of each type; the format's types of less than a byte are not read.
_BYTES: Mapping[str, int] = MappingProxyType(
    dict.fromkeys(("F64", "I64", "U64", "C64"), 8)
    | dict.fromkeys(("F32", "I32", "U32"), 4)
    | dict.fromkeys(("F16", "BF16", "I16", "U16"), 2)
    | dict.fromkeys(("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 1)
)
# The largest relative error of rounding to a type whose values are read as numbers.
ROUNDING: Mapping[str, float] = MappingProxyType(
    {"BF16": 2.0**-8, "F16": 2.0**-11, "F32": 2.0**-24, "F64": 2.0**-53}
)


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle of a matrix: rows from `top` to before `bottom`, columns from `left` to before `right`."""

    top: int
    bottom: int
    left: int
    right: int


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor in a file, seen as a matrix: a vector is one row, a kernel has a row for each output.

    `kind` is the type as the format spells it, `start` the byte at which its values begin. Of further
    dimensions the last are the columns.
    """

    path: Path
    start: int
    kind: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Return the number of values."""
        return prod(self.shape)

    @property
    def columns(self) -> int:
        """Return the number of columns of the matrix."""
        return prod(self.shape[1:]) if len(self.shape) > 3 else prod(self.shape[-1:])

    @property
    def rows(self) -> int:
        """Return the number of rows of the matrix."""
        return self.size // self.columns if self.columns else 0

    @property
    def is_number(self) -> bool:
        """Return whether the values are read as numbers; others are compared bit by bit only."""
        return self.kind in ROUNDING

    def bits(self, block: Block) -> Array:
        """Return a block (rows, columns) as unsigned integers or bytes, as it is stored."""
        import numpy as np

        width = _BYTES[self.kind]
        found = np.empty((block.bottom - block.top, block.right - block.left), f"<u{width}")
        whole = block.right - block.left == self.columns
        with self.path.open("rb", buffering=0) as file:
            for row, into in enumerate([found] if whole else found):
                file.seek(self.start + width * ((block.top + row) * self.columns + block.left))
                _fill(file, into, self.path)
        return found

    def values(self, block: Block) -> Array:
        """Return a block (rows, columns) as float64."""
        return decoded(self.bits(block), self.kind)

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks that the matrix is read in, at most BLOCK values each."""
        wide = max(min(self.columns, BLOCK), 1)
        high = max(BLOCK // wide, 1)
        for top in range(0, self.rows, high):
            for left in range(0, self.columns, wide):
                yield Block(top, min(top + high, self.rows), left, min(left + wide, self.columns))


def decoded(bits: Array, kind: str) -> Array:
    """Return stored bits of a number type as float64."""
    import numpy as np

    if kind == "BF16":
        wide = bits.astype("<u4")
        wide <<= 16
        return wide.view("<f4").astype(np.float64)
    return bits.view(f"<f{_BYTES[kind]}").astype(np.float64)


def encoded(values: Array, kind: str) -> Array:
    """Return numbers as the bits of a type, rounded to the nearest, ties to even."""
    import numpy as np

    with np.errstate(over="ignore"):
        if kind != "BF16":
            width = _BYTES[kind]
            return values.astype(f"<f{width}").view(f"<u{width}")
        bits = values.astype("<f4").view("<u4")
    nan = np.isnan(values)
    bits += np.uint32(0x7FFF) + ((bits >> 16) & 1)
    bits >>= 16
    bits[nan] = 0x7FC0
    return bits.astype("<u2")


def read_header(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file by name; raise AuditError where it is no sound safetensors file."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(size - 8, _LONGEST_HEADER):
                raise _unsound(path, f"its header would be {length:,} bytes long, the file has {size:,}")
            header = file.read(length)
    except OSError as fault:
        raise AuditError(f"{path}: {(fault.strerror or str(fault)).lower()}; give the whole folder") from None
    try:
        entries = json.loads(header, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as fault:
        raise _unsound(path, f"its header is not JSON: {str(fault)[:100]}") from None
    if not isinstance(entries, dict):
        raise _unsound(path, "its header is no JSON object")
    entries.pop("__metadata__", None)
    tensors = {name: _tensor(path, 8 + length, name, entry) for name, entry in entries.items()}
    _refuse_gaps(path, tensors, 8 + length, size)
    return tensors


def _tensor(path: Path, begin: int, name: str, entry: object) -> Tensor:
    if not name.isprintable():
        raise _unsound(path, f"a tensor's name cannot be printed: {name!r}")
    match entry:
        case {"dtype": str(kind), "shape": list(shape), "data_offsets": [int(start), int(end)]}:
            counts = all(type(one) is int and 0 <= one < 1 << 63 for one in shape[:_MOST_DIMENSIONS])
        case _:
            raise _unsound(path, f"the header's entry for {name} is incomplete")
    if kind not in _BYTES:
        raise _unsound(path, f"{name} is of the type {kind[:20]!r}, which is not read")
    if not counts or len(shape) > _MOST_DIMENSIONS or start < 0 or end - start != prod(shape) * _BYTES[kind]:
        raise _unsound(path, f"the shape of {name} and its place in the file do not agree")
    return Tensor(path, begin + start, kind, tuple(shape))


def _refuse_gaps(path: Path, tensors: Mapping[str, Tensor], begin: int, size: int) -> None:
    """Raise AuditError where tensors overlap or do not fill the file, as the format demands."""
    at = begin
    for name, one in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].size)):
        if one.start != at:
            fault = "overlaps another tensor" if one.start < at else "leaves a gap before it"
            raise _unsound(path, f"{name} {fault}")
        at += one.size * _BYTES[one.kind]
    if at != size:
        raise _unsound(path, f"its tensors end at byte {at:,}, the file at {size:,}")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands in it twice")
    return found


def _unsound(path: Path, why: str) -> AuditError:
    return AuditError(f"{path}: not a sound safetensors file: {why}; download or save it again")


def _fill(file: Any, into: Array, path: Path) -> None:  # noqa: ANN401 - a raw file
    """Read into the whole of an array; raise AuditError where the file ends before."""
    rest = memoryview(into.reshape(-1).view("u1"))
    while rest:
        n = file.readinto(rest)
        if not n:
            raise AuditError(f"{path}: it ends before its header says; download or save it again")
        rest = rest[n:]
