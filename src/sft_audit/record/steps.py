"""The numbers that a run's trainer logged, step by step."""

import logging
from collections import Counter

from sft_audit.config import RunConfig
from sft_audit.record import Recording, table_recorder
from sft_audit.runs import Unread, find_run, read_metrics
from sft_audit.runs.names import canonical
from sft_audit.tables import TABLES

log = logging.getLogger(__name__)

_KEPT = 8192


@table_recorder(fills=("steps",), requires="run")
def steps(recording: Recording) -> None:
    """Read every log of metrics in the run's folder; what cannot be read is told, with its line."""
    import pyarrow as pa

    config, store = recording.config, recording.store
    if not isinstance(config, RunConfig):
        raise TypeError("a run is read under a RunConfig")
    schema = TABLES["steps"].arrow_schema()
    for path in find_run(config.run).metrics:
        rows: list[dict[str, object]] = []
        unread = Counter[str]()
        first: Unread | None = None
        for one in read_metrics(path):
            if isinstance(one, Unread):
                unread[one.reason] += 1
                first = first or one
                continue
            rows.append(
                {
                    "step": one.step,
                    "metric": canonical(one.name),
                    "name": one.name,
                    "value": one.value,
                    "file": path.name,
                }
            )
            if len(rows) >= _KEPT:
                store.insert("steps", pa.Table.from_pylist(rows, schema=schema))
                rows = []
        store.insert("steps", pa.Table.from_pylist(rows, schema=schema))
        if first is not None:
            log.warning(
                "%s:%d: %s (not counted: %s such in the log)",
                path.name,
                first.line,
                first.reason,
                f"{sum(unread.values()):,}",
            )
