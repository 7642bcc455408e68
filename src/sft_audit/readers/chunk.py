"""A part of a file that a worker turns into rows."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from sft_audit.readers import Content
from sft_audit.sample import Malformed, Place, Problem


@dataclass(frozen=True, slots=True)
class Row:
    """One decoded row, and what is wrong with its bytes."""

    place: Place
    row_hash: str
    content: Content
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk(ABC):
    """Rows that follow one another in a file, and the problems found in cutting them out."""

    file: str
    problems: tuple[Problem, ...]

    @property
    @abstractmethod
    def n_rows(self) -> int:
        """Return how many rows there are, counted without reading them."""

    @abstractmethod
    def rows(self) -> Iterator[Row | Malformed]:
        """Yield every row in order."""


@dataclass(frozen=True, slots=True)
class Remark(Chunk):
    """No rows: only problems, found where the file ends."""

    n_rows = 0

    def rows(self) -> Iterator[Row | Malformed]:
        """Yield nothing."""
        return iter(())
