"""What a table is: its columns, with type and meaning."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its DuckDB type and what it means, with the unit."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table: what a row of it is, and its columns."""

    name: str
    row: str
    columns: tuple[Column, ...]

    def create_sql(self) -> str:
        """Return the statement that creates the table, empty."""
        columns = ", ".join(f'"{c.name}" {c.type}' for c in self.columns)
        return f"create or replace table {self.name} ({columns})"

    def arrow_schema(self) -> "pa.Schema":
        """Return the Arrow schema of a batch of rows."""
        import pyarrow as pa

        return pa.schema([(c.name, pa.type_for_alias(_ARROW[c.type])) for c in self.columns])


_ARROW = {
    "VARCHAR": "string",
    "BIGINT": "int64",
    "INTEGER": "int32",
    "DOUBLE": "float64",
    "BOOLEAN": "bool",
    "BLOB": "binary",
    "UBIGINT": "uint64",
}


def table(name: str, row: str, columns: str) -> Table:
    """Return a table whose columns stand a line each: name, type, meaning."""
    parsed = []
    for line in columns.strip().splitlines():
        column, kind, meaning = line.strip().split(None, 2)
        parsed.append(Column(column, kind, meaning))
    return Table(name, row, tuple(parsed))
