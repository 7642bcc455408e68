"""Every table and column of an audit, with its meaning: the one schema. A recorder may declare its own."""

from sft_audit.tables.checkpoint import CHECKPOINT
from sft_audit.tables.data import DATA
from sft_audit.tables.reward import REWARD
from sft_audit.tables.run import RUN
from sft_audit.tables.table import Column, Table, table

__all__ = ["SCHEMA_VERSION", "SHARED", "TABLES", "Column", "Table", "table"]

SCHEMA_VERSION = 5

SHARED: tuple[Table, ...] = (*DATA[:-1], *REWARD, *CHECKPOINT, *RUN, DATA[-1])
TABLES: dict[str, Table] = {one.name: one for one in SHARED}
