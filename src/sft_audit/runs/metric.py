"""Logged numbers of a run. A format is one file in this package: a function under `@metric_format`."""

import importlib
import pkgutil
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from types import MappingProxyType

import sft_audit.runs
from sft_audit.errors import AuditError
from sft_audit.logs import is_logged
from sft_audit.logs.container import log_chunks
from sft_audit.readers import Content
from sft_audit.readers.chunk import Row
from sft_audit.readers.file_bytes import BOM, FileBytes
from sft_audit.readers.json_row import ROW_LIMIT, RowReader
from sft_audit.sample import Malformed, Place

_LOOK = 20
_LINES = (".jsonl", ".ndjson")
_ROWLESS = (".csv", ".tsv")


@dataclass(frozen=True, slots=True)
class Metric:
    """One logged number. `name` is as the trainer logs it; `value` may be nan or infinite."""

    step: int
    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Unread:
    """A line, or record, of a log of metrics that cannot be read, and why; counted from 1."""

    file: str
    line: int
    reason: str


Reading = Generator[Metric | Unread, None, int]  # ends with the byte offset to go on from
Reader = Callable[[Path, int], Reading]


@dataclass(frozen=True, slots=True)
class MetricFormat:
    """One kind of file: how to recognise it, by its path and first row if it has rows, and how to read it.

    Formats are asked in falling `priority`; where a run wrote several, those of the first are its metrics.
    `lone` says that a run writes one such file, and begins another only where it begins anew.
    """

    name: str
    matches: Callable[[Path, Content | None], bool]
    read: Reader
    priority: int
    lone: bool

    @property
    def title(self) -> str:
        """Return the first line of the reader's docstring."""
        return (self.read.__doc__ or "").strip().splitlines()[0]


_REGISTRY: dict[str, MetricFormat] = {}


def metric_format(
    name: str,
    *,
    matches: Callable[[Path, Content | None], bool],
    priority: int = 0,
    lone: bool = False,
) -> Callable[[Reader], Reader]:
    """Register the decorated function as the reader of a format of metrics."""

    def register(read: Reader) -> Reader:
        _REGISTRY[name] = MetricFormat(name, matches, read, priority, lone)
        return read

    return register


@cache
def all_metric_formats() -> Mapping[str, MetricFormat]:
    """Return every format of metrics by name, in the order in which they are asked."""
    for module in pkgutil.iter_modules(sft_audit.runs.__path__, "sft_audit.runs."):
        importlib.import_module(module.name)
    return MappingProxyType(dict(sorted(_REGISTRY.items(), key=lambda item: (-item[1].priority, item[0]))))


def find_metric_format(path: Path, row: Content | None) -> MetricFormat | None:
    """Return the format of a file, given its first row; None where it is no log of metrics."""
    return next((one for one in all_metric_formats().values() if one.matches(path, row)), None)


def read_metrics(path: Path, offset: int = 0) -> Reading:
    """Yield what a file of metrics logged, in its order; return the byte offset to go on from.

    JSON Lines and event files are read from a byte offset: what a run has logged since is
    `read_metrics(path, offset)` with the offset that the last reading returned, and a last line without a
    line feed waits until it has one. The other formats are read whole and return 0. A resumed run may log a
    step again: the later value counts.
    Raises AuditError where the file is no log of metrics or cannot be opened.
    """
    found = find_metric_format(path, first_row(path))
    if found is None:
        raise AuditError(
            f"{path}: no log of metrics; give trainer_state.json, logging.jsonl of ms-swift, the file of "
            "verl's or EasyR1's file logger, trainer_log.jsonl, a TensorBoard event file, or JSON Lines or "
            "CSV with a step and numbers"
        )
    return found.read(path, offset)


def first_row(path: Path) -> Content | None:
    """Return the first of a file's rows that can be read; None where it has none near its beginning.

    Raises AuditError where the file cannot be opened.
    """
    with FileBytes(path) as source:
        if not source.size or path.suffix in _ROWLESS or "tfevents" in path.name:
            return None
        rows = _lines(path) if path.suffix in _LINES else _rows(source)
        try:
            return next((row.content for row in islice(rows, _LOOK) if isinstance(row, Row)), None)
        except AuditError:  # the file is in no container of rows
            return None


def _lines(path: Path) -> Iterator[Row | Malformed]:
    """Yield the rows of JSON Lines, reading no further than each."""
    reader, place = RowReader(), Place(path.name, 1, 0, -1, 0)
    with path.open("rb") as file:
        while data := file.readline(ROW_LIMIT):
            yield reader.read(data.removeprefix(BOM).strip(), place)


def _rows(source: FileBytes) -> Iterator[Row | Malformed]:
    """Yield the rows of a file in any container."""
    for chunk in log_chunks(source, source.path.name, is_logged):
        yield from chunk.rows()


def number(value: object) -> float | None:
    """Return a logged value as a number, nan and infinities included; None where it is none."""
    match value:
        case bool():
            return None
        case int() | float():
            try:
                return float(value)
            except OverflowError:
                return float("inf") if value > 0 else float("-inf")
        case str() if value.strip().lower().lstrip("+-") in ("nan", "inf", "infinity"):
            return float(value)
    return None


def numbers(content: Content, under: str = "", null: float | None = None) -> Iterator[tuple[str, float]]:
    """Yield every number in an object with its name; those of objects inside it are joined by a slash.

    `null` is what a null stands for: nan with writers that have no other way to write one.
    """
    for name, value in content.items():
        if isinstance(value, dict):
            yield from numbers(value, f"{under}{name}/", null)
        elif (found := null if value is None else number(value)) is not None:
            yield f"{under}{name}", found
