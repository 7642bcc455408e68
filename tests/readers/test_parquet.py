"""Parquet rows, and the images inside rows of any container."""

import base64
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from arrays import llava, read

from sft_audit.errors import AuditError
from sft_audit.readers import Layout
from sft_audit.readers.batch import read_sample
from sft_audit.readers.chunk import Row
from sft_audit.readers.embedded import Origin, Slot, load
from sft_audit.readers.file_bytes import FileBytes
from sft_audit.sample import Malformed, Sample


def struct(data: bytes | None, path: str | None = None) -> dict:
    return {"bytes": data, "path": path}


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    image = {"type": "image", "text": None}
    content = [
        {
            "messages": [{"role": "user", "content": [image, {"type": "text", "text": f"{n}?"}]}],
            "images": [struct(b"picture %d" % n), struct(None, "b.jpg")],
        }
        for n in range(50)
    ]
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(content), path, row_group_size=7)
    return path


def test_rows_are_read_in_order(rows: Path) -> None:
    found, problems = read(rows, "parquet")
    samples = [read_sample(row, "messages", Layout("parquet")) for row in found]
    assert [one.place.position for one in samples] == list(range(1, 51))
    assert [one.turns[0].text for one in samples] == [f"<image>{n}?" for n in range(50)]
    assert {(one.place.byte_offset, one.place.line) for one in samples} == {(-1, 0)}
    assert len({row.row_hash for row in found}) == 50
    assert problems == []


def test_equal_rows_have_equal_hashes(tmp_path: Path) -> None:
    one = {"messages": [{"role": "user", "content": "Q"}], "image": struct(b"x")}
    pq.write_table(pa.Table.from_pylist([one, {**one, "image": struct(b"y")}, one]), tmp_path / "rows")
    hashes = [row.row_hash for row in read(tmp_path / "rows", "parquet")[0]]
    assert hashes[0] == hashes[2] != hashes[1]


def test_embedded_images_are_found_by_slot(rows: Path) -> None:
    origin = Origin(str(rows), "parquet", "messages", "{}")
    wanted = [Slot(position, 0, -1, 0) for position in (50, 1, 8, 9)]
    assert load(origin, wanted) == {(p, 0): b"picture %d" % (p - 1) for p in (50, 1, 8, 9)}


def test_data_addresses_are_found_by_slot(tmp_path: Path) -> None:
    uri = "data:image/png;base64," + base64.b64encode(b"picture").decode()
    made = [llava(image=["a.jpg", uri]), llava(image="data:image/png;base64,A"), llava(image="data:,a%20b")]
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(made))
    found, _ = read(path)
    slots = [
        Slot(p.position, slot, p.byte_offset, p.n_bytes)
        for p, slot in zip((one.place for one in found), (1, 0, 0), strict=True)
    ]
    loaded = load(Origin(str(path), "json_array", "llava", "{}"), slots)
    assert loaded == {(1, 1): b"picture", (2, 0): None, (3, 0): b"a b"}


def test_text_that_is_not_utf8_costs_its_own_row_only(tmp_path: Path) -> None:
    texts = pa.array([b"Q", b"\xff", b"Q"]).view(pa.string())
    turns = pa.StructArray.from_arrays([pa.array(["user"] * 3), texts], ["role", "content"])
    messages = pa.ListArray.from_arrays([0, 1, 2, 3], turns)
    pq.write_table(pa.table({"messages": messages}), tmp_path / "rows")
    found, _ = read(tmp_path / "rows", "parquet")
    assert [type(one) for one in found] == [Row, Malformed, Row]


def test_values_that_json_has_no_word_for_are_kept_as_text(tmp_path: Path) -> None:
    from datetime import date

    from sft_audit.readers.batch import bounded_json

    row = {
        "messages": [{"role": "user", "content": "Q"}],
        "day": date(2026, 1, 2),
        "raw": b"123",
        "x": float("nan"),
    }
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "rows")
    sample = read_sample(read(tmp_path / "rows", "parquet")[0][0], "messages", Layout("parquet"))
    assert isinstance(sample, Sample)
    assert json.loads(bounded_json(sample.extra)) == {"day": "2026-01-02", "raw": "3 bytes", "x": None}


def test_a_truncated_file_is_one_line(rows: Path) -> None:
    rows.write_bytes(rows.read_bytes()[:-200])
    with pytest.raises(AuditError, match="not readable parquet") as caught:
        read(rows, "parquet")
    assert "\n" not in str(caught.value)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text("[1, 2, 3]")
    with FileBytes(path) as source:
        source.read(0, 4)
        path.write_text("[1]")
        with pytest.raises(AuditError, match="changed while it was read"):
            source.finish()


def test_dates_that_python_has_no_word_for_are_text(tmp_path: Path) -> None:
    def one(kind: pa.DataType, value: int) -> pa.Array:
        return pa.array([value], pa.int32() if kind.bit_width == 32 else pa.int64()).view(kind)

    exact = one(pa.timestamp("ns"), 1)
    nested = pa.ListArray.from_arrays([0, 1], pa.StructArray.from_arrays([exact], ["at"]))
    columns = {
        "instruction": pa.array(["Q"]),
        "output": pa.array(["A"]),
        "image": pa.array([{"bytes": b"x", "path": None}]),
        "exact": exact,
        "late": one(pa.timestamp("us"), 2**62),
        "day": one(pa.date32(), 2**30),
        "took": one(pa.duration("ns"), 1),
        "time": one(pa.time64("ns"), 1),
        "nested": nested,
    }
    pq.write_table(pa.table(columns), tmp_path / "rows")
    (row,) = read(tmp_path / "rows", "parquet")[0]
    assert row.content["exact"] == "1970-01-01 00:00:00.000000001"
    assert row.content["time"] == "00:00:00.000000001"
    assert row.content["nested"] == [{"at": row.content["exact"]}]
    assert {type(row.content[name]) for name in ("late", "day", "took")} == {str}
    origin = Origin(str(tmp_path / "rows"), "parquet", "alpaca", "{}")
    assert load(origin, [Slot(1, 0, -1, 0)]) == {(1, 0): b"x"}
