"""The measures of a run, step by step, and their alarms: what the monitor saw, or would have seen."""

from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Any

from sft_audit.config import RunConfig
from sft_audit.monitor.episode import Episode, Step
from sft_audit.monitor.monitor import Monitor
from sft_audit.monitor.watcher import Alarm, Point
from sft_audit.record import Recording, table_recorder
from sft_audit.runs.names import by_name
from sft_audit.store import Store
from sft_audit.tables import TABLES

_EPISODES = """
    select step, group_no, completion, reward, reading, exploits, words, answer
    from episodes
    order by step, group_no, rollout
"""
_METRICS = """
    select step, name, arg_max(value, rowid)
    from steps
    where metric is not null
    group by step, metric, name
    order by step, max(rowid)
"""
_ROWS = 8192
_KEPT = 1024  # points to an insert


@table_recorder(fills=("series", "alarms"), needs=("episodes", "steps"), requires="run")
def series(recording: Recording) -> None:
    """Let the monitor watch the run, from its first step to its last."""
    config, store = recording.config, recording.store
    if not isinstance(config, RunConfig):
        raise TypeError("a run is watched under a RunConfig")
    monitor = Monitor(config.limits, config.planned_kl)
    points: list[Point] = []
    last = None
    for step in read_steps(store):
        seen, _ = monitor.take(step)
        points += seen
        last = step.number
        if len(points) > _KEPT:
            _keep(store, "series", points)
            points = []
    _keep(store, "series", points)
    _keep(store, "alarms", monitor.alarms)
    store.execute("update alarms set last = $last", {"last": last})


def read_steps(store: Store) -> Iterator[Step]:
    """Yield the steps of a run in order, from the tables `episodes` and `steps`; one step is in memory."""
    logged: dict[int, list[tuple[str, float]]] = {}
    for number, name, value in store.rows(_METRICS):
        logged.setdefault(number, []).append((name, value))
    metrics = {number: by_name(of_step) for number, of_step in logged.items()}
    waiting = sorted(metrics)
    rows = (row for batch in store.batches(_EPISODES, _ROWS) for row in batch.to_pylist())
    for number, of_step in groupby(rows, key=lambda row: int(row["step"])):
        while waiting and waiting[0] < number:
            early = waiting.pop(0)
            yield Step(early, (), metrics[early])
        if waiting and waiting[0] == number:
            waiting.pop(0)
        groups = [
            [_episode(row) for row in group] for _, group in groupby(of_step, key=lambda row: row["group_no"])
        ]
        yield Step(number, groups, metrics.get(number, {}))
    for number in waiting:
        yield Step(number, (), metrics[number])


def _episode(row: dict[str, Any]) -> Episode:
    return Episode(
        row["completion"],
        row["reward"],
        row["reading"],
        tuple(row["exploits"].split()),
        row["words"],
        row["answer"],
    )


def _keep(store: Store, table: str, rows: list[Point] | list[Alarm]) -> None:
    import pyarrow as pa

    if rows:
        store.insert(
            table, pa.Table.from_pylist([asdict(one) for one in rows], schema=TABLES[table].arrow_schema())
        )
