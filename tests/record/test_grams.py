"""Hashed words of texts, and of what is known of a row."""

import json

import pyarrow as pa

from sft_audit.record.fields import block_names, blocks_of, text_of
from sft_audit.record.grams import block_of, shared_block


def columns(block, row: int) -> set[int]:
    return set(block.grams[block.codes[row]].indices.tolist())


def test_words_of_a_file_name() -> None:
    block = block_of(["red_017", "Red car", "blue017", None, "red_017"])
    red = columns(block_of(["red"], whole=True), 0)
    assert red < columns(block, 0)
    assert red < columns(block, 1)
    assert columns(block, 0) & columns(block, 2) == columns(block_of(["017"], whole=True), 0)
    assert not columns(block, 3)
    assert block.codes.tolist() == [0, 1, 2, 3, 0]


def test_the_hash_is_the_same_in_every_process() -> None:
    assert columns(block_of(["red"], whole=True), 0) == {252163}


def test_words_that_two_columns_share() -> None:
    questions = block_of(["Is there a dog?", "Is there a dog?", "Is there a zebra?"])
    captions = block_of(["a dog and a cat", "a cat", "a dog and a cat"])
    shared = shared_block(questions, captions)
    assert [bool(columns(shared, row)) for row in range(3)] == [True, False, False]
    assert not shared_block(questions, block_of(["0017", "0018", "0019"])).grams.nnz


def test_fields_of_a_row() -> None:
    extra = json.dumps({"objects": ["cat", {"name": "dog"}], "score": 0.5, "bad": "\ud800", "dataset": "d"})
    rows = {"template": ["t"], "question": ["Is there a dog?"], "source": ["s"], "extra": [extra]}
    rows |= {"slots": pa.array([None], pa.string())}
    table = pa.table({**rows, "file name": ["x"], "image folder": [""], "id": pa.array([None], pa.string())})
    fields = ("file name", "image folder", "id", "objects", "score", "bad", "absent")
    blocks = blocks_of(table, block_names(fields))
    assert blocks["source"].values == ["s d"]
    assert blocks["objects"].values == ["cat name dog"]
    assert blocks["objects & question"].values == ["dog"]
    assert blocks["score"].values == ["0.5"]
    assert blocks["bad"].values == ["?"]
    assert blocks["absent"].values == blocks["id"].values == [""]


def test_a_slot_is_taken_out_of_the_question() -> None:
    slot = {"label": "Tag:", "value": "red_17", "quote": "Tag: red_17."}
    rows = {"template": ["tag: red_#. what at #?", "why?"], "question": ["Tag: red_17. What at 3?", "Why?"]}
    table = pa.table({**rows, "slots": [json.dumps([slot]), None]})
    field = '"Tag:" in the prompt'
    names = ("template", "question", "prompt template", "prompt", field)
    blocks = blocks_of(table, names, ("red", "blue"))
    assert blocks["template"].values == ["what at #?", "why?"]
    assert blocks["question"].values == ["What at 3?", "Why?"]
    assert (blocks["prompt template"].values, blocks["prompt"].values) == (rows["template"], rows["question"])
    assert blocks[field].values == ["red", ""]
    assert set(block_names([field])) == {*names, "source", f"{field} & question"}


def test_the_text_of_a_json_value() -> None:
    assert text_of({"a": [1, None, "b"], "c": True}) == "a 1 b c True"
    assert len(text_of(list(range(1000))).split()) == 64
