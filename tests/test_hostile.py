"""Input that was made to hurt: each is a finding or a one-line error, and the report stays inert."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sft_audit import AuditError, audit_data
from sft_audit.readers import Format, Layout, all_formats
from sft_audit.readers.batch import read_chunk
from sft_audit.readers.json_lines import Lines
from sft_audit.session import Report

GOOD = {"id": "good", "image": "a.jpg", "conversations": [
    {"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "A red ramp."}]}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one image in `images`, and a secret image beside it."""
    (tmp_path / "images").mkdir()
    ramp = Image.linear_gradient("L").convert("RGB")
    ramp.save(tmp_path / "images" / "a.jpg")
    ramp.rotate(90).save(tmp_path / "secret.jpg")
    return tmp_path


def row(number: int, image: str = "a.jpg", ask: str = "What is it?", tell: str = "A red ramp.") -> dict:
    turns = [{"from": "human", "value": f"<image>\n{ask}"}, {"from": "gpt", "value": tell}]
    return {"id": f"r{number}", "image": image, "conversations": turns}


def audit(folder: Path, content: bytes | list[dict], name: str = "rows.json", **options: object) -> Report:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    (folder / name).write_bytes(raw)
    report = audit_data(folder / name, images=folder / "images", out=folder / "audit", workers=1, **options)
    assert not report.faults, "\n".join(report.faults.values())
    return report


def flagged(report: Report, check: str) -> list[int]:
    return [f["position"] for f in report.findings.to_pylist() if f["check"] == check]


@pytest.mark.parametrize(
    "uri",
    [
        "../secret.jpg",
        "x/../../secret.jpg",
        "{folder}/secret.jpg",
        "file://{folder}/secret.jpg",
        "~/secret.jpg",
        "link.jpg",
        "linked/secret.jpg",
    ],
)
def test_an_image_outside_the_root_is_never_opened(folder: Path, uri: str) -> None:
    (folder / "images" / "link.jpg").symlink_to(folder / "secret.jpg")
    (folder / "images" / "linked").symlink_to(folder, target_is_directory=True)
    report = audit(folder, [row(1), row(2, uri.format(folder=folder))])
    assert flagged(report, "INT102") + flagged(report, "INT103") == [2]
    assert report.images == 1


@pytest.mark.parametrize(
    "uri", ["", ".", "/", "a.jpg/b.jpg", "x" * 5000, "a\x00.jpg", "\ud800.jpg", "con:", "/dev/zero"]
)
def test_an_impossible_path_is_a_finding(folder: Path, uri: str) -> None:
    report = audit(folder, [row(1), row(2, uri), row(3)])
    assert report.samples == 3
    assert 2 in flagged(report, "INT102") + flagged(report, "INT103")


def test_a_pipe_is_not_read(folder: Path) -> None:
    import os

    os.mkfifo(folder / "images" / "pipe.jpg")
    report = audit(folder, [row(1), row(2, "pipe.jpg")])
    assert flagged(report, "INT102") + flagged(report, "INT103") == [2]


def test_html_in_the_data_stays_text(folder: Path) -> None:
    script = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    faulty = [
        row(1, ask=script, tell=""),
        row(2, image=f"{script}.jpg", tell=script),
        row(3, tell=f"I'm sorry, but I can't help with that. {script}</textarea>]]>{{{{7*7}}}}"),
        {**row(4, ask=script), "id": script, "source": f"\"'>{script}", "chosen": script, "rejected": script},
        row(5, ask="Same?", tell=f"yes {script}"),
        row(6, ask="Same?", tell=f"no {script}"),
    ]
    report = audit(folder, faulty)
    page = (report.folder / "report.html").read_text(encoding="utf-8")
    assert "alert(1)" in page
    assert "<script>alert" not in page
    assert not re.search(r"<img[^>]*onerror", page)
    assert "]]&gt;{{7*7}}" in page
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:|//|javascript:)""", page)


def test_a_line_of_100_mb_is_accounted_for(folder: Path) -> None:
    huge = json.dumps(row(2, tell="x" * 100_000_000)).encode()
    report = audit(
        folder, b"\n".join([json.dumps(row(1)).encode(), huge, json.dumps(row(3)).encode()]), "rows.jsonl"
    )
    assert report.samples == 3
    assert (report.folder / "report.html").stat().st_size < 5_000_000
    assert (report.folder / "findings.parquet").stat().st_size < 1_000_000


def test_a_100_mb_row_of_an_array_is_accounted_for(folder: Path) -> None:
    rows = [
        json.dumps(row(1)).encode(),
        json.dumps(row(2, tell="x" * 100_000_000)).encode(),
        json.dumps(row(3)).encode(),
    ]
    assert audit(folder, b"[" + b",".join(rows) + b"]").samples == 3


def test_invalid_utf8_is_a_finding(folder: Path) -> None:
    rows = [json.dumps(row(n)).encode() for n in range(1, 4)]
    rows[1] = rows[1].replace(b"red", b"r\xe9\xffd")
    for name, content in (("rows.json", b"[" + b",\n".join(rows) + b"]"), ("rows.jsonl", b"\n".join(rows))):
        report = audit(folder, content, name)
        assert report.samples == 3
        assert flagged(report, "INT101") == [2]


def test_nul_bytes_are_findings(folder: Path) -> None:
    escaped = row(2, tell="A \x00 ramp of many colours.")
    report = audit(folder, [row(1), escaped, row(3)])
    assert report.samples == 3
    assert flagged(report, "INT110") == [2]
    raw = json.dumps([row(1), row(2), row(3)]).encode().replace(b"r2", b"r\x002")
    report = audit(folder, raw)
    assert report.samples == 3
    assert flagged(report, "INT101") == [2]


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_deep_nesting_is_a_finding(folder: Path, opening: str, suffix: str) -> None:
    closing = {"[": "]", '{"a":': "}"}[opening]
    deep = json.dumps({**row(2), "extra": 0})[:-2] + opening * 10_000 + "1" + closing * 10_000 + "}"
    rows = [json.dumps(row(1)), deep, json.dumps(row(3))]
    content = "[" + ",\n".join(rows) + "]" if suffix == ".json" else "\n".join(rows)
    report = audit(folder, content.encode(), f"rows{suffix}")
    assert report.samples == 3
    assert flagged(report, "INT101") == [2]


@pytest.mark.parametrize(
    "content",
    [b"", b"\n \n", b"[]", b"null", b"\x00" * 100, b"\xff\xfe[\x00]\x00", b"[" * 100_000],
    ids=lambda content: repr(content[:4]),
)
def test_a_file_without_a_row_never_passes(folder: Path, content: bytes) -> None:
    (folder / "rows.json").write_bytes(content)
    program = Path(sys.executable).with_name("sft-audit")
    command = [program, "data", folder / "rows.json", "--images", folder / "images", "-o", folder / "audit"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (1, 2, 3)
    assert "Traceback" not in done.stderr
    if done.returncode == 2:
        assert len(done.stderr.strip().splitlines()) == 1
        assert not (folder / "audit").exists()


def test_a_folder_named_like_a_file_is_read_as_a_folder_or_refused(folder: Path) -> None:
    (folder / "x.json").mkdir()
    with pytest.raises(AuditError, match=r"x\.json"):
        audit_data(folder / "x.json", images=folder / "images", out=folder / "audit", workers=1)
    (folder / "x.json" / "y.json").write_text(json.dumps([row(1)]))
    assert (
        audit_data(folder / "x.json", images=folder / "images", out=folder / "audit", workers=1).samples == 1
    )


@pytest.mark.parametrize(
    "hostile",
    [
        {"conversations": None},
        {"conversations": [None]},
        {"conversations": [{"from": 1, "value": 2}]},
        {"conversations": [{"from": "human", "value": ["<image>"]}]},
        {"conversations": {"from": "human"}},
        {"image": 7, "conversations": []},
        {"image": {"bytes": "!", "path": None}, "conversations": []},
        {"image": [[["a.jpg"]]], "conversations": [{"from": "human", "value": "x"}]},
        {},
        [],
        "text",
        None,
        1e400,
        float("nan"),
    ],
    ids=str,
)
def test_a_row_of_the_wrong_shape_is_accounted_for(folder: Path, hostile: object) -> None:
    report = audit(folder, json.dumps([row(1), hostile, row(3)]).encode())
    assert report.samples == 3


WRONG: list[Any] = [
    None,
    True,
    5,
    -1.5,
    10**400,
    float("nan"),
    "",
    "x",
    "\ud800",
    "[" * 10_000,
    [],
    [5],
    ["x"],
]
WRONG += [[None], [[]], [["a", 5]], {}, {"": 5}, {"x": 1}, {"type": "image"}, {"type": 5}, {"bytes": "!"}]
WRONG += [
    '{"question": "\\ud800", "chosen": "a", "rejected": "b"}',
    '{"chosen": 1, "rejected": ' + "9" * 5000 + "}",
]
OPTIONAL = (
    "",
    "id",
    "source",
    "history",
    "system",
    "image",
    "images",
    "weight",
    "tool_calls",
    "function_call",
)


def variants(value: Any) -> Iterator[Any]:
    """Yield a JSON value with each part of it, in turn, replaced by something of the wrong type, or gone."""
    yield from WRONG
    if isinstance(value, dict):
        for name in (*value, *OPTIONAL):
            yield from ({**value, name: wrong} for wrong in variants(value.get(name)))
            yield {other: kept for other, kept in value.items() if other != name}
    elif isinstance(value, list):
        for at, one in enumerate(value):
            yield from ([*value[:at], wrong, *value[at + 1 :]] for wrong in variants(one))


FLAT = replace(
    all_formats()["llamafactory"],
    example={"q": "What?", "a": "A cat.", "past": [["a", "b"]]},
    layout=Layout(
        "json_lines", {"prompt": "q", "response": "a", "history": "past"}, {"formatting": "alpaca"}
    ),
)
RANKED = replace(
    all_formats()["llamafactory"],
    example={"m": [{"from": "human", "value": "Q"}], "c": {"from": "gpt", "value": "A"}, "r": {"value": "B"}},
    layout=Layout(
        "json_lines", {"messages": "m", "chosen": "c", "rejected": "r"}, {"formatting": "sharegpt"}
    ),
)


@pytest.mark.parametrize("one", [*all_formats().values(), FLAT, RANKED], ids=lambda one: one.name)
def test_no_row_stops_a_reader(one: Format) -> None:
    for content in variants(one.example):
        data = json.dumps(content).encode()
        read = read_chunk((Lines("rows.jsonl", (), 1, 0, data), one.name, one.layout))
        assert read["samples"].num_rows == 1, data[:2000]


def test_a_decompression_bomb_is_a_finding(folder: Path) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0))
    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + header
        + chunk(b"IDAT", zlib.compress(b"\0" * 10_000_000))
        + chunk(b"IEND", b"")
    )
    (folder / "images" / "bomb.png").write_bytes(bomb)
    report = audit(folder, [row(1), row(2, "bomb.png")])
    assert flagged(report, "INT103") == [2]
