"""dataset_info.json: files, columns and tags as LLaMA-Factory resolves them."""

import json
from pathlib import Path

import pytest

from sft_audit.errors import AuditError
from sft_audit.readers import find_format
from sft_audit.readers.inputs import find_inputs

SHAREGPT = {"file_name": "a.json", "formatting": "sharegpt"}
ROW = {"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}], "images": ["a.jpg"]}


def parse(folder: Path, entry: dict, row: dict):
    (folder / "a.json").write_text(json.dumps([row]))
    (folder / "dataset_info.json").write_text(json.dumps({"one": entry}))
    (found,) = find_inputs([folder])
    return find_format("llamafactory").parse(row, found.layout)


def test_an_unlisted_image_column_is_not_read(tmp_path: Path) -> None:
    assert parse(tmp_path, SHAREGPT, ROW).images == ()
    listed = {**SHAREGPT, "columns": {"messages": "conversations", "images": "images"}}
    assert [one.uri for one in parse(tmp_path, listed, ROW).images] == ["a.jpg"]


def test_tags_name_roles(tmp_path: Path) -> None:
    tags = {"role_tag": "r", "content_tag": "c", "user_tag": "Q", "assistant_tag": "A"}
    entry = {**SHAREGPT, "columns": {"messages": "dialog", "system": "sys"}, "tags": tags}
    row = {"dialog": [{"r": "Q", "c": "1"}, {"r": "A", "c": "2"}, {"r": "gpt", "c": "3"}], "sys": "S"}
    turns = parse(tmp_path, entry, row).turns
    assert [turn.role for turn in turns] == ["system", "user", "assistant", "gpt"]


def test_alpaca(tmp_path: Path) -> None:
    row = {"instruction": "Do", "input": "this", "output": "Done", "history": [["a", "b"]]}
    parsed = parse(tmp_path, {"file_name": "a.json"}, row)
    assert [turn.text for turn in parsed.turns] == ["Do\nthis", "Done"]
    columns = {"prompt": "instruction", "query": "input", "response": "output", "history": "history"}
    parsed = parse(tmp_path, {"file_name": "a.json", "columns": columns}, row)
    assert [turn.text for turn in parsed.turns] == ["a", "b", "Do\nthis", "Done"]


def test_ranking(tmp_path: Path) -> None:
    entry = {
        **SHAREGPT,
        "ranking": True,
        "columns": {"messages": "conversations", "chosen": "c", "rejected": "r"},
    }
    row = {
        "conversations": ROW["conversations"][:1],
        "c": {"from": "gpt", "value": "1"},
        "r": {"from": "gpt", "value": "2"},
    }
    parsed = parse(tmp_path, entry, row)
    assert [(turn.role, turn.text) for turn in parsed.turns] == [
        ("user", "Q"),
        ("assistant", "1"),
        ("rejected", "2"),
    ]
    assert parsed.kind == "preference"


def test_several_data_sets_and_those_on_a_hub(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("a.json", "sub/b.json"):
        (tmp_path / name).write_text(json.dumps([ROW]))
    entries = {"a": SHAREGPT, "b": {**SHAREGPT, "file_name": "sub"}, "c": {"hf_hub_url": "x/y"}}
    (tmp_path / "dataset_info.json").write_text(json.dumps(entries))
    assert [one.file for one in find_inputs([tmp_path / "dataset_info.json"])] == ["a.json", "sub/b.json"]
    assert "'c' is on a hub" in caplog.text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "expected an object"),
        ("{", "expected JSON"),
        ('{"a": {"hf_hub_url": "x"}}', "no data set in it has a file_name"),
        ('{"a": {"file_name": "gone.json"}}', "no such file 'gone.json'"),
        ('{"a": {"file_name": "dataset_info.json", "formatting": "x"}}', "formatting 'x' is not known"),
        ('{"a": {"file_name": "dataset_info.json", "columns": 1}}', "columns: expected an object"),
    ],
)
def test_a_wrong_description_is_one_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "dataset_info.json").write_text(content)
    with pytest.raises(AuditError, match=message):
        find_inputs([tmp_path])
