"""What a training example is, whatever the format it came in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Kind = Literal["sft", "preference", "rl_prompt", "eval"]

PLACEHOLDER = "<image>"


def content_hash(data: bytes) -> str:
    """Return the first 128 bits of the SHA-256, hexadecimal: the identity of a row, an image or a file."""
    return sha256(data).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row lies: its file, 1-based position and line, and its exact bytes.

    `position` is the 1-based element of an array, line of a JSON Lines file, or row of a parquet file.
    `line` is the 1-based line on which the row starts (0 where the file has no lines).
    """

    file: str
    position: int
    line: int
    byte_offset: int
    n_bytes: int

    @property
    def sample_id(self) -> str:
        """Name the row within one version of the data set: file and position."""
        return f"{self.file}:{self.position}"


@dataclass(frozen=True, slots=True)
class ImageRef:
    """One image slot of a row: an address as the row spells it, or the bytes themselves."""

    uri: str
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One message. `text` spells every image slot as the row or its format does (`<image>` for parts)."""

    role: str
    text: str
    supervised: bool
    loss_weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the bytes of a file or row that can still be read: NaN, a missing comma, …"""

    kind: str
    detail: str
    line: int
    byte_offset: int
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One training example. `row_hash` is the `content_hash` of the raw row."""

    place: Place
    row_hash: str
    format: str
    kind: Kind
    id: str | None
    source: str | None
    turns: tuple[Turn, ...]
    images: tuple[ImageRef, ...]
    extra: Mapping[str, Json] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Malformed:
    """A row, or a gap between rows, that cannot be read; its bytes are kept."""

    place: Place
    row_hash: str
    reason: str
