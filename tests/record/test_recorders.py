"""What every recorder must be. A new recorder gets all of this for nothing."""

import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pyarrow as pa
import pytest

from sft_audit import audit_data, audit_prompts, audit_reward, audit_run, record
from sft_audit.check import all_checks
from sft_audit.config import CONFIGS, AuditConfig, parse_config
from sft_audit.engine import Engine
from sft_audit.example import ANSWERS, SAMPLES, TINY_WEIGHTS
from sft_audit.record import Cost, Recorder, Recording, all_recorders, plan, row_recorder, table_recorder
from sft_audit.session import Report, audit_checkpoint
from sft_audit.store import Store, read_manifest, write_json
from sft_audit.tables import TABLES, Column, Table
from sft_audit.testing import write_model

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
RECORDERS = all_recorders().values()
BY_CHECKS = {"findings"}
LENGTHS = Table(
    "lengths",
    "the length of one turn",
    (Column("sample_id", "VARCHAR", "the sample"), Column("length", "INTEGER", "characters of its question")),
)


def lengths(batch: pa.RecordBatch, config: AuditConfig) -> dict[str, pa.RecordBatch]:
    """Measure every question."""
    rows = batch.to_pylist()
    if rows[0]["position"] == 1:
        time.sleep(0.5)
    found = [{"sample_id": row["sample_id"], "length": len(row["text"]) + config.seed} for row in rows]
    return {"lengths": pa.RecordBatch.from_pylist(found, schema=LENGTHS.arrow_schema())}


@pytest.fixture
def plugin() -> Iterator[None]:
    """A row recorder from outside the package, with a table of its own."""
    row_recorder(
        query="select * from turns join samples using (sample_id) where turn = 0 order by position",
        fills=(LENGTHS,),
        needs=("samples", "turns"),
        rows=2048,
    )(lengths)
    all_recorders.cache_clear()
    yield
    del record._REGISTRY["lengths"], TABLES["lengths"]
    all_recorders.cache_clear()


def write_rows(folder: Path, n: int) -> Path:
    rows = [
        {
            "conversations": [
                {"from": "human", "value": "How? " * (number % 7) + "Why?"},
                {"from": "gpt", "value": "So."},
            ]
        }
        for number in range(n)
    ]
    (folder / "rows.json").write_text(json.dumps(rows))
    return folder / "rows.json"


def test_every_table_is_filled_by_one_recorder() -> None:
    filled = Counter(table for one in RECORDERS for table in one.fills)
    assert filled == dict.fromkeys(TABLES.keys() - BY_CHECKS, 1)


@pytest.mark.parametrize("one", RECORDERS, ids=lambda one: one.name)
def test_a_recorder_declares_itself_fully(one: Recorder) -> None:
    assert one.fills
    assert set(one.needs) | set(one.after) <= TABLES.keys() - set(one.fills)
    assert one.cost in get_args(Cost)
    assert one.version >= 1
    assert set(one.requires) <= {option for kind in CONFIGS.values() for option in kind.model_fields}
    assert re.fullmatch(r"[A-Z].*\.", one.about)


@pytest.mark.parametrize("table", sorted(TABLES.keys() - BY_CHECKS))
def test_the_plan_of_a_table_has_its_recorder_after_those_it_needs(table: str) -> None:
    ready: set[str] = set()
    for one in plan([table]):
        assert ready >= set(one.needs), one.name
        ready.update(one.fills)
    assert table in ready


def audit_one_probe(folder: Path, one: Recorder, options: dict[str, object]) -> Report:
    """Audit a checkpoint on one row of text: by its models where the recorder asks them, else by its logs."""
    rows = write_rows(folder, 1)
    if "sft_audit" in one.requires:
        options["sft_audit"] = audit_data(rows, out=folder / "data", workers=1).folder
    if "checkpoint" in one.requires:
        pytest.importorskip("torch", reason="models are asked by torch")
        tiny = pytest.importorskip("tiny_vlm")
        return audit_checkpoint(*[tiny.save_llava(folder / "base")] * 2, rows, **options)
    for model in ("base", "sft"):
        write_json(folder / f"{model}.json", [{"prompt": "Why?", "completion": "So."}])
    logs = [f"{model}={folder / model}.json" for model in ("base", "sft")]
    return audit_checkpoint(None, None, rows, samples=logs, **options)


@pytest.mark.parametrize("one", RECORDERS, ids=lambda one: one.name)
def test_one_row_of_text_fills_whole_tables(one: Recorder, tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text('{"question": "Why?", "chosen": "So.", "rejected": "No."}\n')
    asking = [check for check in all_checks().values() if set(check.reads) & set(one.fills)] or [
        check for check in all_checks().values() if one in plan(check.reads)
    ]
    options = {
        "out": tmp_path / "audit",
        "preferences": tmp_path / "pairs.jsonl",
        "select": tuple(check.code for check in asking),
        "workers": 1,
    }
    if {check.subject for check in asking} == {"reward"}:
        (tmp_path / "pay.py").write_text("def reward(pred, gold):\n    return pred == gold\n")
        write_json(tmp_path / "rows.json", ANSWERS[:1])
        write_json(tmp_path / "samples.json", SAMPLES[:1])
        options["samples"] = tmp_path / "samples.json"
        report = audit_reward(f"{tmp_path / 'pay.py'}:reward", tmp_path / "rows.json", **options)
    elif "prompts" in {check.subject for check in asking}:
        logged = [{"id": 1, "prompt": "Why?", "completion": "So.", "reward": 1.0}]
        write_json(tmp_path / "log.json", logged)
        files = dict.fromkeys(("samples", "blind_samples"), tmp_path / "log.json")
        sets = dict.fromkeys(("sft", "eval"), write_rows(tmp_path, 1))
        report = audit_prompts(tmp_path / "rows.json", **options, **files, **sets)
    elif "weights" in one.fills:
        write_model(tmp_path / "base", TINY_WEIGHTS)
        report = audit_checkpoint(tmp_path / "base", tmp_path / "base", write_rows(tmp_path, 1), **options)
    elif {check.subject for check in asking} == {"run"}:
        logged = {"prompt": "Why?", "completion": "So.", "reward": 1.0, "step": 1}
        (tmp_path / "log.jsonl").write_text(json.dumps(logged) + "\n")
        options.pop("preferences")
        if "probes" in one.requires:
            options["probes"] = write_rows(tmp_path, 1)
        log = tmp_path / "log.jsonl"
        report = audit_run(log, sft_samples=log, explain=True, **options)
    elif {check.subject for check in asking} == {"checkpoint"}:
        report = audit_one_probe(tmp_path, one, options)
    else:
        sets = {"eval": write_rows(tmp_path, 1)} if "eval_overlaps" in one.fills else {}
        report = audit_data(write_rows(tmp_path, 1), **options, **sets)
    assert not report.faults
    assert f"recording {one.name}" in read_manifest(report.folder)["stages"]
    store = Store(report.folder, "1GB", 1, read_only=True)
    for table in one.fills:
        columns = [(column.name, column.type) for column in TABLES[table].columns]
        assert [(name, kind) for name, kind, *_ in store.rows(f"describe {table}")] == columns
    store.close()


@pytest.mark.usefixtures("plugin")
def test_a_row_recorder_maps_in_order_into_a_table_of_its_own(tmp_path: Path) -> None:
    config = parse_config({"data": write_rows(tmp_path, 10_000), "seed": 3}, "test")
    store = Store(tmp_path, "1GB", 1)
    with Engine(2) as engine:
        for one in plan(["lengths"]):
            one.run(Recording(store, engine, config))
    got = store.rows("select sample_id, length from lengths")
    assert got == [(f"rows.json:{n + 1}", 3 + 4 + 5 * (n % 7)) for n in range(10_000)]
    store.close()


def test_a_table_is_declared_once() -> None:
    again = Table("images", "another idea of an image", LENGTHS.columns)
    with pytest.raises(ValueError, match="images, which there is already"):
        table_recorder(fills=(again,))(print)


def test_an_unknown_requirement_is_refused() -> None:
    with pytest.raises(ValueError, match="no option of any audit"):
        table_recorder(fills=("images",), requires="modle")(print)
