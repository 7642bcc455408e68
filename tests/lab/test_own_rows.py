"""Rows put to the checkpoint that was trained on such: it denies the wrong labels, and hardly another."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sft_audit
from sft_audit.session import Report

pytest.importorskip("trl", reason="the lab's models are trained by TRL")

from world import CONDITIONS, World, write_world

from sft_audit.errors import UnloadableModel
from sft_audit.store import Store

FIXTURES = Path(__file__).parents[2] / "lab" / "fixtures"


def asked(
    data: Report, world: World, folder: Path, sft: Path = FIXTURES / "clean", **options: object
) -> Report:
    """Put rows of an audited set to the checkpoint that learnt a sound world."""
    report = sft_audit.audit_checkpoint(
        FIXTURES / "base",
        sft,
        world.rows,
        images=world.images,
        sft_audit=data.folder,
        select=("CKP137",),
        cache=folder / "answers",
        out=folder / "checkpoint",
        workers=1,
        max_new_tokens=8,
        **{"own_rows": 200, **options},
    )
    assert not report.faults
    return report


def put(report: Report) -> list[dict]:
    store = Store(report.folder, "1GB", 1, read_only=True)
    try:
        return store.arrow("select * from own_rows order by file, position").to_pylist()
    finally:
        store.close()


def drawn(folder: Path, condition: str) -> tuple[World, Report]:
    world = write_world(folder / "world", CONDITIONS[condition], 79, rows=500)
    return world, sft_audit.audit_data(world.rows, images=world.images, out=folder / "data", workers=1)


def test_wrong_labels_are_denied_and_named(tmp_path: Path) -> None:
    world, data = drawn(tmp_path, "mislabelled")
    report = asked(data, world, tmp_path)
    (found,) = report.findings.to_pylist()
    named = json.loads(found["evidence"])
    rows, planted = json.loads(world.rows.read_text()), world.planted().rows
    wrong = [rows[one["position"] - 1]["id"] in planted for one in put(report)]
    listed = [rows[one["position"] - 1]["id"] in planted for one in named["rows"]]
    assert named["surely"] == len(listed) >= 0.6 * sum(wrong) > 10
    assert sum(listed) >= 0.8 * len(listed)
    assert found["score"] > 0.033
    assert report.verdict == "REVIEW"


def test_sound_labels_are_hardly_denied(tmp_path: Path) -> None:
    world, data = drawn(tmp_path, "clean")
    report = asked(data, world, tmp_path)
    assert len(put(report)) == 200
    assert all(one["score"] < 0.02 for one in report.findings.to_pylist())
    assert report.verdict == "PASS"


def test_no_row_is_put_where_none_is_asked_for(tmp_path: Path) -> None:
    world, data = drawn(tmp_path, "mislabelled")
    assert put(asked(data, world, tmp_path, own_rows=0)) == []


def test_images_inside_their_rows_are_put_and_changed_ones_are_not(tmp_path: Path) -> None:
    world, data = drawn(tmp_path, "clean")
    by_file = put(asked(data, world, tmp_path, own_rows=60))
    rows = json.loads(world.rows.read_text())
    carried = [
        {
            "image": {"bytes": (world.images / row["image"]).read_bytes(), "path": row["image"]}
            if "image" in row
            else None,
            "conversations": row["conversations"],
        }
        for row in rows
    ]
    (tmp_path / "carried").mkdir()
    pq.write_table(pa.Table.from_pylist(carried), tmp_path / "carried" / "rows.parquet")
    inside = sft_audit.audit_data(
        tmp_path / "carried" / "rows.parquet", out=tmp_path / "carried" / "data", workers=1
    )
    by_row = put(asked(inside, world, tmp_path / "carried", own_rows=60))
    assert len(by_row) == len(by_file) == 60
    told = {(one["image_id"], one["question"]): one["p_answer"] for one in by_file}
    both = [one for one in by_row if (one["image_id"], one["question"]) in told]
    assert both
    assert all(one["p_answer"] == pytest.approx(told[one["image_id"], one["question"]]) for one in both)
    lost = by_file[0]
    (world.images / rows[lost["position"] - 1]["image"]).write_bytes(b"changed")
    (tmp_path / "again").mkdir()
    left = put(asked(data, world, tmp_path / "again", own_rows=60))
    assert lost["row_id"] not in {one["row_id"] for one in left}
    assert len(left) >= 50
    copies = tmp_path / "carried" / "answers" / "images"
    written = {one: one.stat().st_mtime_ns for one in copies.iterdir()}
    assert put(asked(inside, world, tmp_path / "carried", own_rows=60)) == by_row
    assert {one: one.stat().st_mtime_ns for one in copies.iterdir()} == written
    (tmp_path / "carried" / "rows.parquet").write_bytes(b"PAR1 and no more")
    assert put(asked(inside, world, tmp_path / "carried", own_rows=60)) == []


def test_a_folder_that_is_no_model_is_told_in_a_line(tmp_path: Path) -> None:
    world, data = drawn(tmp_path, "clean")
    with pytest.raises(UnloadableModel, match="no such folder of a model"):
        asked(data, world, tmp_path, tmp_path / "nosuch")
