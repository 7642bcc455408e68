"""Every format of logs, by its own example and by what goes wrong in it. Fixtures are from reading."""

import math

import pytest

from sft_audit.logs import LogFormat, Logged, all_log_formats, read_logged
from sft_audit.readers import RowFault
from sft_audit.rewards import GOLD_NAMES

FORMATS = all_log_formats()
NAN = float("nan")


@pytest.mark.parametrize("one", FORMATS.values(), ids=lambda one: one.name)
def test_a_format_is_the_first_to_recognise_its_example_and_reads_it(one: LogFormat) -> None:
    assert next(other for other in FORMATS.values() if other.matches(one.example)) is one
    found = one.read(one.example)
    assert found
    for logged in found:
        assert logged.prompt
        assert logged.completion
        assert logged.reward is not None
        assert logged.problem is None
        assert logged.gold in ("red", "yes")
    assert one.title.endswith(".")


def test_trl_adds_the_reward_functions_and_leaves_out_those_that_gave_none() -> None:
    row = FORMATS["trl"].example
    assert read_logged({**row, "format_reward": 0.5})[0].reward == 1.5
    assert read_logged({**row, "observer": NAN})[0].reward == 1.0
    only = read_logged({**row, "accuracy_reward": NAN})[0]
    assert (only.reward, only.problem) == (None, "no reward function gave one")


@pytest.mark.parametrize("name", GOLD_NAMES)
def test_a_known_answer_that_is_a_number_is_no_reward(name: str) -> None:
    trl = {**FORMATS["trl"].example, "solution": None, name: 3.5, "id": 7.0, "image": 2.0}
    (logged,) = read_logged(trl)
    assert (logged.reward, logged.gold, logged.parts) == (1.0, "3.5", (("accuracy_reward", 1.0),))
    swift = {**FORMATS["swift"].example, "solution": ["", ""], name: [3, 4], "id": [7, 8], "images": [1, 2]}
    if name != "solution":
        del swift["solution"]
    paid = read_logged(swift)
    assert [(one.reward, one.gold, one.parts) for one in paid] == [
        (1.0, "3", (("Accuracy", 1.0),)),
        (0.0, "4", (("Accuracy", 0.0),)),
    ]
    (verl,) = read_logged({**FORMATS["verl"].example, name: 3.5})
    assert verl.parts == ()
    assert read_logged({"prompt": "Which?", "completion": "red", name: "red"})[0].gold == "red"


def test_of_messages_the_last_of_each_side_counts() -> None:
    prompt = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "image", "text": None}, {"type": "text", "text": "Which?"}]},
    ]
    completion = [
        {"role": "assistant", "content": "I will look."},
        {"role": "tool", "content": "zoomed"},
        {"role": "assistant", "content": [{"type": "text", "text": "red"}]},
    ]
    logged = read_logged({**FORMATS["trl"].example, "prompt": prompt, "completion": completion})[0]
    assert (logged.prompt, logged.completion) == ("<image>Which?", "red")


def test_swift_pairs_its_lists() -> None:
    row = {
        "step": ["5", "5"],
        "prompt": [[{"role": "user", "content": "Which?"}], "Where?"],
        "completion": ["red", "there"],
        "Accuracy": [1.0, None],
        "Format": [0.5, 0.25],
        "solution": ["red", "here"],
        "advantages": [0.7, -0.7],
    }
    assert read_logged(row) == (
        Logged("Which?", "red", "red", 1.5, None, 5, parts=(("Accuracy", 1.0), ("Format", 0.5))),
        Logged("Where?", "there", "here", 0.25, None, 5, parts=(("Format", 0.25),)),
    )


def test_plain_rows_hold_one_completion_or_many() -> None:
    one = read_logged({"question": "Which?", "response": "red", "correct": True, "label": "red", "id": 7})
    assert one == (Logged("Which?", "red", "red", 1.0, id="7"),)
    many = read_logged({"problem": "Which?", "completions": ["a", "b", "c"]})
    assert [(x.completion, x.reward) for x in many] == [("a", None), ("b", None), ("c", None)]
    talk = [{"role": "user", "content": "Which?"}, {"role": "assistant", "content": "red"}]
    assert read_logged({"messages": talk, "score": "0.5"}) == (Logged("Which?", "red", reward=0.5),)
    assert read_logged({"id": "x", "completion": "red"}) == (Logged("", "red", id="x"),)


@pytest.mark.parametrize("value", [NAN, math.inf, "good", [1], 10**400], ids=str)
def test_a_reward_that_is_no_number_is_none_and_said(value: object) -> None:
    logged = read_logged({"input": "Which?", "output": "red", "score": value})[0]
    assert logged.reward is None
    assert logged.problem


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"a": 1, "b": 2}, "fields a, b"),
        ({"prompt": "Which?", "completions": ["a", "b"], "rewards": [1]}, "1 rewards for 2 completions"),
        ({"prompt": "Which?", "completions": ["a", "b"], "reward": 1}, "1 rewards for 2 completions"),
        ({"prompt": "Which?", "completions": []}, "is empty"),
        ({"prompt": ["a", "b"], "completion": ["a", "b"], "acc": [1.0]}, "1 entries of acc for 2"),
        ({"input": None, "output": "red", "score": 1}, "the prompt is NoneType"),
        ({"input": "Which?", "output": 3, "score": 1}, "the completion is int"),
        ({"prompt": [{"role": "user"}], "completion": None, "advantage": 1.0}, "the completion is NoneType"),
    ],
    ids=str,
)
def test_a_row_that_cannot_be_read_says_why(row: dict, why: str) -> None:
    with pytest.raises(RowFault, match=why):
        read_logged(row)
