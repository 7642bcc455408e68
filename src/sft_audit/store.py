"""The audit folder: built aside, published whole; a DuckDB file and what is written beside it."""

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import duckdb

from sft_audit.errors import AuditError, OutOfSpace, StaleAudit
from sft_audit.interval import Z95
from sft_audit.tables import SCHEMA_VERSION, TABLES

Parameters = Mapping[str, Any] | Sequence[Any] | None
MANIFEST = "manifest.json"
_SLACK = 256 << 20
# Wilson's score interval at 95 % (Wilson 1927), for checks whose rates are not the audit's own.
_WILSON = tuple(
    f"""
    create or replace macro wilson_{end}(k, n) as
        case when k = {exact} then {bound}::double else (
            k / n + {Z95}^2 / (2 * n) {sign} {Z95} * sqrt(k / n * (1 - k / n) / n + {Z95}^2 / (4 * n * n))
        ) / (1 + {Z95}^2 / n) end
    """
    for end, sign, exact, bound in (("low", "-", "0", 0), ("high", "+", "n", 1))
)
_RATE_IN_WORDS = """
    create or replace macro rate_in_words(k, n) as
        printf('%.0f', 100 * k / n) || ' %, 95 % interval ' || printf('%.0f', 100 * wilson_low(k, n))
            || ' to ' || printf('%.0f', 100 * wilson_high(k, n)) || ' %'
"""
_MEASURED = """
    create or replace macro measured(value, low, high) as
        coalesce(
            printf('%.3g', value) || ' (95 % interval ' || printf('%.3g', low) || ' to '
                || printf('%.3g', high) || ')',
            'not measured'
        )
"""


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C through: DuckDB raises RuntimeError for it, which would pass for a fault of the query."""
    try:
        yield
    except RuntimeError as fault:
        if str(fault) == "Query interrupted":
            raise KeyboardInterrupt from None
        raise


class Store:
    """The tables of one audit, on one connection in one thread."""

    def __init__(self, folder: Path, memory_limit: str, threads: int, *, read_only: bool = False) -> None:
        """Open, or create, the database in the folder; memory_limit as DuckDB spells it (`4GB`)."""
        self.folder = folder
        options: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory_limit,
            "threads": threads,
            "temp_directory": str(folder / "spill"),
            "checkpoint_threshold": "256MB",
        }
        try:
            self._db = duckdb.connect(str(folder / "audit.duckdb"), read_only=read_only, config=options)
        except duckdb.Error as fault:
            raise AuditError(f"memory_limit {memory_limit!r}: {str(fault).splitlines()[0]}") from None
        self._db.execute("set python_enable_replacements = false")
        self._db.execute("set preserve_insertion_order = true")
        if not read_only:
            for table in TABLES.values():
                self._db.execute(table.create_sql())
            for macro in (*_WILSON, _RATE_IN_WORDS, _MEASURED):
                self._db.execute(macro)

    @_interruptible()
    def execute(self, sql: str, values: Parameters = None) -> None:
        """Run a statement for its effect."""
        self._db.execute(sql, values)

    @_interruptible()
    def rows(self, sql: str, values: Parameters = None) -> list[tuple[Any, ...]]:
        """Return all rows of a query that has few."""
        return self._db.execute(sql, values).fetchall()

    def value(self, sql: str, values: Parameters = None) -> Any:  # noqa: ANN401 - any SQL type
        """Return the first column of the only row."""
        return self.rows(sql, values)[0][0]

    @_interruptible()
    def arrow(self, sql: str, values: Parameters = None) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return the result of a query that fits in memory as an Arrow table."""
        return self._db.sql(sql, params=values).to_arrow_table()

    def batches(self, sql: str, rows: int, values: Parameters = None) -> Iterator[Any]:
        """Stream a query as Arrow record batches of at most `rows` rows; it sees what is committed."""
        cursor = self._db.cursor()
        try:
            with _interruptible():
                yield from cursor.sql(sql, params=values).to_arrow_reader(rows)
        finally:
            cursor.close()

    def has(self, table: str) -> bool:
        """Return whether a table was made: those that recorders declare are, where the recorder ran."""
        named = "select count(*) from duckdb_tables() where table_name = $name"
        return bool(self.value(named, {"name": table}))

    @_interruptible()
    def insert(self, table: str, rows: Any) -> None:  # noqa: ANN401 - pyarrow has no types
        """Append an Arrow table or record batch, matched by column name."""
        self._db.register("_incoming", rows)
        self._db.execute(f"insert into {table} by name select * from _incoming")
        self._db.unregister("_incoming")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything inside as one; roll it back when it raises."""
        self.execute("begin")
        try:
            yield
        except BaseException:
            self.execute("rollback")
            raise
        self.execute("commit")

    def close(self) -> None:
        """Close the database; the folder is left as it is."""
        self._db.close()
        shutil.rmtree(self.folder / "spill", ignore_errors=True)


@contextmanager
def building(out: Path, *, needs_bytes: int, manifest: str = MANIFEST) -> Iterator[Path]:
    """Yield an empty folder beside `out`; publish it as `out` when the block ends well, else remove it.

    What a killed run left aside is removed first; an existing `out` is replaced only if it has that manifest.
    """
    place = out.resolve()
    _refuse_foreign(out, manifest)
    _refuse_immovable(out, place)
    _require_space(place, needs_bytes)
    aside = place.parent / f".{place.name}.partial"
    with _locked(out, place):
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        try:
            yield aside
            _publish(aside, place)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of an audit folder; raise AuditError where none of this version is."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise AuditError(
            f"{folder}: not an audit folder; give one that `sft-audit data`, `reward` or `prompts` wrote"
        ) from None
    if manifest.get("schema_version") != SCHEMA_VERSION:
        was = manifest.get("schema_version")
        raise StaleAudit(
            f"{folder}: schema version {was}, this release reads {SCHEMA_VERSION}; run `sft-audit data` again"
        )
    return manifest


def write_json(path: Path, content: object) -> None:
    """Write a JSON file with sorted keys, so that equal contents are equal bytes."""
    path.write_text(
        json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def _refuse_foreign(out: Path, manifest: str) -> None:
    if out.is_dir() and not any(out.iterdir()):
        return
    if out.exists() and not (out / manifest).is_file():
        kind = "an audit folder" if manifest == MANIFEST else "a folder that this command wrote"
        raise AuditError(f"{out}: exists and is not {kind}; choose another with -o")


def _refuse_immovable(out: Path, place: Path) -> None:
    if os.path.ismount(place) or Path.cwd().is_relative_to(place):
        raise AuditError(
            f"{out}: holds the current folder or is a mount point, and cannot be replaced; "
            f"write -o {out / 'audit'}"
        )


@contextmanager
def _locked(out: Path, place: Path) -> Iterator[None]:
    """Keep others from building the same folder; the lock ends with this process, however that ends."""
    lock = place.parent / f".{place.name}.lock"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        file = lock.open("w")
    except OSError as fault:
        raise AuditError(
            f"{out}: {(fault.strerror or str(fault)).lower()}; choose another folder with -o"
        ) from None
    with file:
        if not _take(file):
            raise AuditError(
                f"{out}: another sft-audit is writing to it; wait for it or choose another folder with -o"
            )
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _take(file: IO[str]) -> bool:
    """Return whether the lock is ours now; on Windows, whose locks are others, runs go on without."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system that has no locks
        return True
    return os.fstat(file.fileno()).st_nlink > 0  # else its holder removed it just now, and it guards nothing


def _require_space(place: Path, needed: int) -> None:
    folder = next(parent for parent in place.parents if parent.is_dir())
    free, wanted = shutil.disk_usage(folder).free, needed + _SLACK
    if free < wanted:
        raise OutOfSpace(
            f"{folder}: about {wanted >> 20:,} MiB are needed and {free >> 20:,} MiB are free; "
            "choose another disk with -o, or audit a part with --sample"
        )


def _publish(aside: Path, out: Path) -> None:
    if out.exists():
        retired = out.parent / f".{out.name}.retired"
        shutil.rmtree(retired, ignore_errors=True)
        os.replace(out, retired)  # noqa: PTH105 - replaces an empty folder, which rename may not
        os.replace(aside, out)  # noqa: PTH105
        shutil.rmtree(retired, ignore_errors=True)
    else:
        os.replace(aside, out)  # noqa: PTH105
