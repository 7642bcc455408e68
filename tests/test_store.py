"""The audit folder: built aside, published whole."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Timer

import pyarrow as pa
import pytest

from sft_audit.errors import AuditError, OutOfSpace, StaleAudit
from sft_audit.store import Store, building, read_manifest, write_json
from sft_audit.tables import SCHEMA_VERSION, TABLES


def publish(out: Path, mark: str = "") -> None:
    with building(out, needs_bytes=0) as folder:
        write_json(folder / "manifest.json", {"schema_version": SCHEMA_VERSION, "mark": mark})


def test_a_folder_is_published_whole(tmp_path: Path) -> None:
    publish(tmp_path / "audit")
    assert read_manifest(tmp_path / "audit")["schema_version"] == SCHEMA_VERSION
    assert [path.name for path in tmp_path.iterdir()] == ["audit"]


def test_an_earlier_audit_is_replaced(tmp_path: Path) -> None:
    publish(tmp_path / "audit", "first")
    publish(tmp_path / "audit", "second")
    assert read_manifest(tmp_path / "audit")["mark"] == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["audit"]


def test_a_failed_audit_leaves_the_earlier_one(tmp_path: Path) -> None:
    publish(tmp_path / "audit", "first")
    with pytest.raises(RuntimeError), building(tmp_path / "audit", needs_bytes=0):
        raise RuntimeError
    assert read_manifest(tmp_path / "audit")["mark"] == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["audit"]


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / ".audit.partial"
    left.mkdir()
    (left / "audit.duckdb").write_text("half")
    publish(tmp_path / "audit")
    assert sorted(path.name for path in (tmp_path / "audit").iterdir()) == ["manifest.json"]


def test_a_foreign_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    with pytest.raises(AuditError, match="not an audit folder"), building(tmp_path, needs_bytes=0):
        pass
    assert (tmp_path / "precious").read_text() == "x"


def test_a_folder_that_another_process_is_building_is_refused_and_left_alone(tmp_path: Path) -> None:
    """Until that process ends, be it killed; then what it left is no hindrance."""
    program = (
        "import sys, pathlib\n"
        "from sft_audit.store import building\n"
        "with building(pathlib.Path(sys.argv[1]), needs_bytes=0) as folder:\n"
        "    (folder / 'half').touch()\n"
        "    print('building', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program, tmp_path / "audit"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with pytest.raises(AuditError, match="another sft-audit is writing to it; wait") as fault:
            publish(tmp_path / "audit")
        assert "\n" not in str(fault.value)
        assert (tmp_path / ".audit.partial" / "half").exists()
        other.kill()
    publish(tmp_path / "audit")
    assert [path.name for path in tmp_path.iterdir()] == ["audit"]


@pytest.mark.parametrize("out", [".", "..", "../here"])
def test_a_folder_that_cannot_be_moved_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    publish(tmp_path)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with (
        pytest.raises(AuditError, match=f"write -o {Path(out) / 'audit'}"),
        building(Path(out), needs_bytes=0),
    ):
        pytest.fail("the work began")
    assert not list(Path().iterdir())


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "audit")
    publish(tmp_path / "link", "first")
    publish(tmp_path / "link", "second")
    assert read_manifest(tmp_path / "audit")["mark"] == "second"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audit", "link"]


def test_too_little_disk_is_said_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(OutOfSpace, match="MiB are needed"), building(tmp_path / "audit", needs_bytes=1 << 60):
        pytest.fail("the work began")
    assert list(tmp_path.iterdir()) == []


def test_another_schema_is_refused(tmp_path: Path) -> None:
    write_json(tmp_path / "manifest.json", {"schema_version": SCHEMA_VERSION - 1})
    with pytest.raises(StaleAudit, match="run `sft-audit data` again"):
        read_manifest(tmp_path)


def test_no_audit_is_told_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="give one that"):
        read_manifest(tmp_path)


def test_a_wrong_memory_limit_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="memory_limit 'lots'") as fault:
        Store(tmp_path, "lots", 1)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_table_takes_its_own_arrow_schema(tmp_path: Path, table: object) -> None:
    store = Store(tmp_path, "1GB", 1)
    store.insert(table.name, pa.Table.from_pylist([{}], schema=table.arrow_schema()))
    assert store.value(f"select count(*) from {table.name}") == 1
    assert all(len(column.meaning) > 5 for column in table.columns)
    store.close()


def test_streaming_does_not_block_the_connection(tmp_path: Path) -> None:
    store = Store(tmp_path, "1GB", 1)
    store.execute("create table numbers as select range as n from range(10000)")
    for batch in store.batches("select n from numbers", 2048):
        store.execute("create or replace table seen as select $n as n", {"n": batch.num_rows})
    assert store.value("select n from seen") > 0
    store.close()


@pytest.mark.parametrize(
    "ask",
    [Store.execute, Store.rows, Store.value, Store.arrow, lambda store, sql: list(store.batches(sql, 2048))],
    ids=["execute", "rows", "value", "arrow", "batches"],
)
def test_ctrl_c_in_a_query_is_no_fault_of_the_query(
    tmp_path: Path, ask: Callable[[Store, str], object]
) -> None:
    store = Store(tmp_path, "1GB", 1)
    Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        ask(store, "select sum(hash(a.range || b.range)) from range(100000) a, range(100000) b")
    assert store.value("select 1") == 1
    store.close()
