"""Data arguments: files, folders and patterns, each file under a name of its own."""

import json
import os
from pathlib import Path

import pytest
from arrays import llava

from sft_audit.errors import AuditError
from sft_audit.readers.detect import detect
from sft_audit.readers.inputs import Input, find_inputs


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in ("a/train.json", "b/train.json", "b/more/x.jsonl", "b/notes.txt", "b/.hidden.json"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(llava()))
    return tmp_path


def names(*arguments: Path) -> list[str]:
    return [one.file for one in find_inputs(arguments)]


def test_names_are_relative_and_differ(data: Path) -> None:
    assert names(data / "a/train.json") == ["train.json"]
    assert names(data / "a/train.json", data / "b/train.json") == ["a/train.json", "b/train.json"]
    assert names(data) == ["a/train.json", "b/more/x.jsonl", "b/train.json"]
    assert names(data / "*/train.json") == ["a/train.json", "b/train.json"]
    assert names(data / "b") == ["more/x.jsonl", "train.json"]


def test_a_folder_named_like_a_file_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "x.json").mkdir()
    with pytest.raises(AuditError, match="holds no"):
        find_inputs([tmp_path / "x.json"])
    (tmp_path / "x.json" / "y.json").write_text("[]")
    assert names(tmp_path / "x.json") == ["y.json"]


def test_an_audit_folder_inside_is_not_data(data: Path) -> None:
    (data / "audit").mkdir()
    (data / "audit" / "audit.duckdb").touch()
    (data / "audit" / "verdict.json").write_text("{}")
    assert "audit/verdict.json" not in names(data)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("a/trian.json", "did you mean .*train.json"),
        ("nowhere/x.json", "no such file or folder"),
        ("*.csv", "no file matches"),
    ],
)
def test_what_names_no_file_is_one_line(data: Path, argument: str, message: str) -> None:
    with pytest.raises(AuditError, match=message) as caught:
        find_inputs([data / argument])
    assert "\n" not in str(caught.value)


def test_a_file_given_twice(data: Path) -> None:
    with pytest.raises(AuditError, match="given 2 times"):
        find_inputs([data / "a", data / "a/train.json"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n\t", "is empty"),
        (b"\x1f\x8b\x08\x00", "compressed"),
        (b"id,question\n1,what\n", "not a JSON array"),
        ("[]".encode("utf-16"), "not a JSON array"),
        (b'{\n "train": [\n  {"a": 1}\n ]\n}\n', "an object on several lines, with the keys train"),
        (b'[{"foo": 1, "bar": 2}]', "no format reads rows with the fields foo, bar"),
        (b"PAR1 and nothing else", "not readable parquet"),
    ],
)
def test_a_file_that_nothing_reads_is_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "rows.json").write_bytes(content)
    with pytest.raises(AuditError, match=message) as caught:
        detect(Input(tmp_path / "rows.json", "rows.json"))
    assert "\n" not in str(caught.value)


def test_most_rows_decide_the_format(tmp_path: Path) -> None:
    other = {"messages": [{"role": "user", "content": "Q"}]}
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(one) for one in [other, llava(), 1, llava()]))
    assert detect(Input(tmp_path / "rows.jsonl", "rows.jsonl")).format == "llava"


def test_a_name_that_is_not_utf8_is_one_line(tmp_path: Path) -> None:
    name = os.fsdecode(b"donn\xe9es.json")
    (tmp_path / name).write_text(json.dumps([llava()]))
    for argument in (tmp_path, tmp_path / name):
        with pytest.raises(AuditError, match=r"donn\\udce9es\.json': the name is not UTF-8; rename"):
            find_inputs([argument])
