"""What makes two samples the same, and what does not."""

import json

import pytest

from sft_audit.testing import findings_of


def row(**fields: object) -> dict:
    turns = [{"from": "human", "value": "What is it?"}, {"from": "gpt", "value": "A ramp."}]
    return {"conversations": turns, **fields}


def copies(*rows: dict) -> list[int]:
    """Return the positions of the copies, in whatever order the rows come."""
    found = findings_of("DUP601", list(rows))
    assert len(findings_of("DUP601", list(reversed(rows)))) == len(found)
    return [int(one["sample_id"].rpartition(":")[2]) for one in found]


@pytest.mark.parametrize("field", ["video", "videos", "audio", "audios", "system", "tools", "objects"])
def test_a_field_that_changes_the_training_counts(field: str) -> None:
    one, other, listed = {field: "a"}, {field: "b"}, {field: ["a", {"b": [1]}]}
    assert copies(row(**one), row(**other), row(), row(**listed), row(**one), row(**listed)) == [5, 6]


def test_fields_do_not_stand_in_for_one_another() -> None:
    assert (
        copies(row(video="a", audio="b"), row(video="b", audio="a"), row(video="a, b"), row(audio="a")) == []
    )


@pytest.mark.parametrize(
    "nothing", [{"video": None}, {"caption": '"video": "a.mp4"'}, {"id": "7", "note": [1]}]
)
def test_what_says_nothing_of_the_training_does_not_count(nothing: dict) -> None:
    assert copies(row(), row(**nothing)) == [2]


def test_which_turns_are_trained_on_counts() -> None:
    def weighed(weight: object) -> dict:
        said = row()["conversations"]
        return row(conversations=[said[0], {**said[1], "loss": weight}])

    assert copies(row(), weighed(False), weighed(True), weighed(0.5), weighed(0.5)) == [3, 5]


def test_a_video_whose_address_is_not_known_is_not_compared() -> None:
    def shown(name: str) -> dict:
        parts = [{"type": "video", "video": name}, {"type": "text", "text": "What moves?"}]
        return row(conversations=[{"from": "human", "value": parts}, row()["conversations"][1]])

    assert copies(shown("a.mp4"), shown("b.mp4")) == []


def test_a_value_that_was_cut_makes_no_safe_copy() -> None:
    tools = json.dumps([{"name": f"tool_{n}"} for n in range(200)])
    one, other = row(tools=tools + "1"), row(tools=tools + "2")
    long_caption = row(caption="x" * 5000)
    found = findings_of("DUP601", [one, other, long_caption, long_caption])
    assert [json.loads(finding["evidence"])["safe"] for finding in found] == [False, True]
