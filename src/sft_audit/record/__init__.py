"""Recorders: what fills the tables. One file each, found by walking this package."""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import entry_points
from itertools import chain, islice
from types import MappingProxyType
from typing import Any, Literal

from sft_audit.config import CONFIGS, AuditConfig
from sft_audit.engine import Engine
from sft_audit.store import Store
from sft_audit.tables import TABLES, Table

Cost = Literal["free", "decode", "model"]
Batch = Any  # pyarrow.RecordBatch, which has no types
_COMMIT = 32
RowFunction = Callable[[Batch, AuditConfig], Mapping[str, Batch]]


@dataclass(frozen=True, slots=True)
class Recording:
    """What a recorder works with."""

    store: Store
    engine: Engine
    config: AuditConfig


@dataclass(frozen=True, slots=True)
class Recorder:
    """One recorder: the tables it fills, those it needs, and those it waits for if they are recorded at all.

    `uses` are tables from which it takes what is there: recorded for it, and empty where they are not asked.
    `cost` says what it spends: nothing to speak of, an image decode a picture, or a model call an answer.
    `version` goes up when it fills its tables otherwise from the same data.
    `requires` names options of which one must be given; else it is not run, and its tables are not asked for.
    """

    name: str
    fills: tuple[str, ...]
    needs: tuple[str, ...]
    uses: tuple[str, ...]
    after: tuple[str, ...]
    cost: Cost
    version: int
    requires: tuple[str, ...]
    run: Callable[[Recording], None]
    about: str


_REGISTRY: dict[str, Recorder] = {}


def table_recorder(
    *,
    fills: Sequence[str | Table],
    needs: Sequence[str] = (),
    uses: Sequence[str] = (),
    after: Sequence[str] = (),
    cost: Cost = "free",
    version: int = 1,
    requires: str | tuple[str, ...] = (),
) -> Callable[[Callable[[Recording], None]], Callable[[Recording], None]]:
    """Register a function that works on whole tables; a table of its own stands in `fills` as a Table."""
    own = [table for table in fills if isinstance(table, Table)]

    def register(run: Callable[[Recording], None]) -> Callable[[Recording], None]:
        name = run.__name__
        options = {option for kind in CONFIGS.values() for option in kind.model_fields}
        wanted = (requires,) if isinstance(requires, str) else requires
        for option in wanted:
            if option not in options:
                raise ValueError(f"{name} requires {option}, which is no option of any audit")
        for table in own:
            if TABLES.setdefault(table.name, table) is not table:
                raise ValueError(f"{name} declares the table {table.name}, which there is already")

        def begin(recording: Recording) -> None:
            for table in own:
                recording.store.execute(table.create_sql())
            run(recording)

        names = tuple(table.name if isinstance(table, Table) else table for table in fills)
        about = (run.__doc__ or "").strip().splitlines()[0]
        _REGISTRY[name] = Recorder(
            name, names, tuple(needs), tuple(uses), tuple(after), cost, version, wanted, begin, about
        )
        return run

    return register


def row_recorder(
    *,
    query: str,
    fills: Sequence[str | Table],
    needs: Sequence[str],
    after: Sequence[str] = (),
    cost: Cost = "free",
    version: int = 1,
    requires: str | tuple[str, ...] = (),
    rows: int = 8192,
) -> Callable[[RowFunction], RowFunction]:
    """Register a pure function from a batch of `query`'s rows to batches of the tables that it fills.

    The engine maps it in parallel; results are stored in input order.
    """

    def register(function: RowFunction) -> RowFunction:
        def run(recording: Recording) -> None:
            tasks = ((batch, recording.config) for batch in recording.store.batches(query, rows))
            store_all(recording, recording.engine.map(partial(_apply, function), tasks))

        run.__name__, run.__doc__ = function.__name__, function.__doc__
        table_recorder(fills=fills, needs=needs, after=after, cost=cost, version=version, requires=requires)(
            run
        )
        return function

    return register


def _apply(function: RowFunction, task: tuple[Batch, AuditConfig]) -> Mapping[str, Batch]:
    return function(*task)


def store_all(recording: Recording, results: Iterable[Mapping[str, Batch]]) -> None:
    """Append every batch to the table it is named for, some dozens to a transaction.

    What a transaction has not committed stays in memory, beyond DuckDB's own limit.
    """
    waiting = iter(results)
    while some := list(islice(waiting, 1)):
        with recording.store.transaction():
            for batches in chain(some, islice(waiting, _COMMIT - 1)):
                for table, batch in batches.items():
                    if batch.num_rows:
                        recording.store.insert(table, batch)


@cache
def all_recorders() -> Mapping[str, Recorder]:
    """Return every recorder by name: the package's own, found by walking, and those of plug-ins."""
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        importlib.import_module(module.name)
    for plugin in entry_points(group="sft_audit.recorders"):
        plugin.load()
    return MappingProxyType(dict(sorted(_REGISTRY.items())))


def plan(tables: Iterable[str]) -> tuple[Recorder, ...]:
    """Return the recorders that fill these tables, and all that they need, in an order that works."""
    by_table = {table: recorder for recorder in all_recorders().values() for table in recorder.fills}
    wanted: dict[str, Recorder] = {}

    def want(table: str) -> None:
        if table in by_table and by_table[table].name not in wanted:
            recorder = by_table[table]
            wanted[recorder.name] = recorder
            for other in (*recorder.needs, *recorder.uses):
                want(other)

    for table in tables:
        want(table)
    return _ordered(wanted)


def _ordered(wanted: Mapping[str, Recorder]) -> tuple[Recorder, ...]:
    from graphlib import TopologicalSorter

    filled_by = {table: recorder.name for recorder in wanted.values() for table in recorder.fills}
    waits = {
        name: sorted({filled_by[t] for t in (*r.needs, *r.uses, *r.after) if t in filled_by} - {name})
        for name, r in sorted(wanted.items())
    }
    return tuple(wanted[name] for name in TopologicalSorter(waits).static_order())
