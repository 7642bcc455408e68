"""A labelled slot is read as it stands; what belongs to the question is none."""

from pathlib import Path

import pytest

from sft_audit.record.slots import answer_words, named_in, neutral_values, silenced, slots_of
from sft_audit.store import Store


@pytest.mark.parametrize(
    ("prompt", "slots"),
    [
        ("<image>\nTag: red. What color is it?", [("Tag:", "red", "Tag: red.")]),
        ("<image>\nFile: red_017.png. What is it?", [("File:", "red_017.png", "File: red_017.png.")]),
        ("<image>\nKeywords - red\nWhat is it?", [("Keywords -", "red", "Keywords - red")]),
        ("What is it? (TAG: red) Say.<image>", [("Tag:", "red", "TAG: red")]),
        ("<image>alt text = a red car\nWhat?", [("Alt text =", "a red car", "alt text = a red car")]),
        ("Tag: a. File: b.png. What?", [("Tag:", "a", "Tag: a."), ("File:", "b.png", "File: b.png.")]),
        ("<image>\nCaption: a man. He runs. What?", [("Caption:", "a man", "Caption: a man.")]),
    ],
)
def test_slots(prompt: str, slots: list) -> None:
    assert [(one.label, one.value, prompt[one.start : one.stop]) for one in slots_of(prompt)] == slots


@pytest.mark.parametrize(
    "prompt",
    [
        "<image>\nQuestion: what is it? Answer:",
        "<image>\nWhat is it?\nOptions: red, blue",
        "<image>\nWhat is it?\nA: red\nB: blue",
        "<image>\nWhat does it say?\nReference OCR token: red, blue",
        "<image>\nContext: a red car.\nWhat does the context say?",
        "<image>\nStatement: it is red. Is it so?",
        "<image>\nTranslate this. Caption: rouge.",
        "<image>\nHint: answer with a number, 1 or 2.\nHow many?",
        "<image>\nTag: red",
        "<image>\nTag: what is it?",
        "<image>\nTag: .\nWhat?",
        "See http://a.org. What is it at 12:30?",
    ],
)
def test_what_is_no_slot(prompt: str) -> None:
    assert slots_of(prompt) == []


def test_a_value_names_answers_by_the_name_that_they_go_by() -> None:
    words = answer_words(["red", "grey+white", "3", "yes", "cat on the mat"])
    assert named_in("Three gray cats, the RED_17 one. True", words) == "3 grey red yes"
    assert named_in("mat", words) == "mat"
    assert named_in("banana on the tree", words) == ""


@pytest.mark.parametrize(
    ("prompt", "neutral", "without"),
    [
        ("Tag: red. What is it?", "Tag: beach. What is it?", "What is it?"),
        ("What is it? (Tag: red)", "What is it? (Tag: beach)", "What is it?"),
        ("File: red. What is it?", "File: red. What is it?", "File: red. What is it?"),
    ],
)
def test_a_silenced_slot_tells_nothing(prompt: str, neutral: str, without: str) -> None:
    assert silenced(prompt, "Tag:", "beach") == neutral
    assert silenced(prompt, "Tag:", None) == without


def test_a_neutral_value_is_the_commonest_that_names_no_answer(tmp_path: Path) -> None:
    store = Store(tmp_path, "1GB", 1)
    try:
        store.execute("insert into answers by name select unnest(['red', 'blue']) as canonical")
        store.execute(
            """
            insert into slots by name
            from (values
                ('Tag:', 'Red'), ('Tag:', 'Red'), ('Tag:', 'Red'), ('Tag:', 'a blue one'),
                ('Tag:', 'a blue one'), ('Tag:', 'a blue one'), ('Tag:', 'beach'), ('Tag:', 'beach'),
                ('Tag:', 'road'), ('File:', 'red'), ('Note:', 'sunny')
            ) told(label, value)
            """
        )
        assert neutral_values(store, ["Tag:", "File:"]) == {"Tag:": "beach"}
    finally:
        store.close()
