"""What every format must be, and how each spelling is read. A new format gets the first half for nothing."""

import json
from contextlib import suppress
from pathlib import Path

import pytest

from sft_audit.errors import AuditError
from sft_audit.readers import Content, Format, Layout, RowFault, all_formats, find_format
from sft_audit.readers.detect import detect
from sft_audit.readers.inputs import Input
from sft_audit.sample import ImageRef

FORMATS = list(all_formats().values())
ROLES = {"gold", "system", "user", "assistant", "tool", "rejected"}


@pytest.mark.parametrize("one", FORMATS, ids=lambda one: one.name)
def test_a_format_recognises_and_reads_its_example(one: Format) -> None:
    first = next(known for known in FORMATS if known.matches(one.example, one.layout))
    assert first is one
    parsed = one.parse(one.example, one.layout)
    assert {turn.role for turn in parsed.turns} <= ROLES
    assert parsed.turns[0].text
    assert "Source:" in (one.parse.__doc__ or "")
    assert one.title


@pytest.mark.parametrize("one", FORMATS, ids=lambda one: one.name)
@pytest.mark.parametrize("value", [None, 1, 1.5, True, "x", [], [1], [None], [[]], {}, {"x": 1}])
def test_a_row_that_does_not_fit_is_a_fault_of_the_row(one: Format, value: object) -> None:
    names = [*one.example, "image", "images", "videos"]
    for name in names:
        row = {**one.example, name: value}
        one.matches(row, one.layout)
        with suppress(RowFault):  # anything else would be our fault, not the row's
            one.parse(row, one.layout)
    with pytest.raises(RowFault):
        one.parse({}, one.layout)


@pytest.mark.parametrize("one", FORMATS, ids=lambda one: one.name)
def test_a_file_of_examples_is_read_in_the_format(one: Format, tmp_path: Path) -> None:
    (tmp_path / "rows.any").write_text(json.dumps([one.example] * 3))
    assert detect(Input(tmp_path / "rows.any", "rows.any", one.layout)).format == one.name


def parsed(name: str, row: Content, container: str = "json_lines"):
    return find_format(name).parse(row, Layout(container))


def test_an_unknown_format_names_the_nearest() -> None:
    with pytest.raises(AuditError, match="did you mean llava"):
        find_format("lava")


@pytest.mark.parametrize(
    ("value", "images"),
    [
        ("a.jpg", [ImageRef("a.jpg")]),
        (["a.jpg", "b.jpg"], [ImageRef("a.jpg"), ImageRef("b.jpg")]),
        (None, []),
        ([], []),
        ("", [ImageRef("")]),
        ({"bytes": b"x", "path": None}, [ImageRef("embedded", b"x")]),
        ({"bytes": b"x", "path": "a.jpg"}, [ImageRef("a.jpg", b"x")]),
        ({"bytes": None, "path": "a.jpg"}, [ImageRef("a.jpg")]),
        ([{"bytes": None, "path": None}], []),
        ({"url": "https://x/a.jpg"}, [ImageRef("https://x/a.jpg")]),
        ("x.jpg###[1, 2, 3, 4]", [ImageRef("x.jpg###[1, 2, 3, 4]")]),
    ],
)
def test_image_fields(value: object, images: list[ImageRef]) -> None:
    assert list(parsed("llava", {"conversations": [], "image": value}).images) == images


def test_content_parts_become_placeholders() -> None:
    parts = [
        {"type": "image", "text": None},
        {"type": "text", "text": "What is "},
        {"type": "image_url", "image_url": {"url": "b.jpg"}},
        {"text": "this?", "type": "text", "image": None},
    ]
    read = parsed("messages", {"messages": [{"role": "user", "content": parts}], "images": ["a.jpg"]})
    assert read.turns[0].text == "<image>What is <image>this?"
    assert {one.uri for one in read.images} == {"a.jpg", "b.jpg"}


def test_anthropic_and_qwen_parts() -> None:
    source = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    parts = [{"type": "image", "source": source}, {"image": "b.jpg"}, {"text": "What?"}]
    read = parsed("messages", {"messages": [{"role": "user", "content": parts}]})
    assert read.turns[0].text == "<image><image>What?"
    assert [one.uri for one in read.images] == ["data:image/png;base64,AAAA", "b.jpg"]


def test_only_trl_puts_images_before_text_that_has_no_placeholder() -> None:
    row = {
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What?"}],
        "images": ["a.jpg", "b.jpg"],
    }
    assert parsed("messages", row, "parquet").turns[1].text == "<image><image>What?"
    assert parsed("messages", row, "json_lines").turns[1].text == "What?"


@pytest.mark.parametrize(
    ("field", "value", "supervised", "weight"),
    [
        ("loss", False, False, 0.0),
        ("loss", True, True, 1.0),
        ("weight", 0, False, 0.0),
        ("loss_scale", 0.5, True, 0.5),
        ("name", "Bot", True, 1.0),
        ("loss", None, True, 1.0),
    ],
)
def test_weights_of_messages(field: str, value: object, supervised: bool, weight: float) -> None:
    row = {
        "messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A", field: value}]
    }
    read = parsed("messages", row)
    assert [turn.supervised for turn in read.turns] == [False, supervised]
    assert read.turns[1].loss_weight == weight
    assert read.extra == ({} if value is None else {f"turn.{field}": value})


def test_roles_are_made_one() -> None:
    spelled = ["system", "human", "gpt", "function_call", "observation", "moderator"]
    row = {"conversations": [{"from": role, "value": "x"} for role in spelled]}
    read = parsed("llava", row)
    assert [t.role for t in read.turns] == ["system", "user", "assistant", "assistant", "tool", "moderator"]
    assert [t.supervised for t in read.turns] == [False, False, True, True, False, False]


def test_the_loss_of_prompt_and_completion_is_on_the_completion() -> None:
    row = {
        "prompt": [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b"},
            {"role": "user", "content": "c"},
        ],
        "completion": [{"role": "assistant", "content": "d"}],
        "image": "a.jpg",
    }
    read = parsed("prompt_completion", row)
    assert [turn.supervised for turn in read.turns] == [False, False, False, True]
    assert read.turns[0].text == "<image>a"
    assert read.kind == "sft"
    assert parsed("prompt_completion", {"prompt": row["prompt"]}).kind == "rl_prompt"


def test_a_preference_row_has_both_responses() -> None:
    inner = json.dumps({"question": "What?", "chosen": "A cat.", "rejected": "A dog."})
    read = parsed("rlhf_v", {"image": "a.jpg", "text": inner, "idx": 3})
    assert [(t.role, t.text, t.supervised) for t in read.turns] == [
        ("user", "<image>What?", False),
        ("assistant", "A cat.", True),
        ("rejected", "A dog.", False),
    ]
    assert read.kind == "preference"


def test_an_implicit_prompt_stands_once() -> None:
    asked = {"role": "user", "content": "What?"}
    row = {
        "chosen": [asked, {"role": "assistant", "content": "A cat."}],
        "rejected": [asked, {"role": "assistant", "content": "A dog."}],
    }
    assert [turn.text for turn in parsed("preference", row).turns] == ["What?", "A cat.", "A dog."]


def test_a_complete_conversation_with_preference_fields_stays_an_sft_row() -> None:
    row = {**find_format("llava").example, "chosen": "A cat.", "rejected": "A dog."}
    assert next(one.name for one in FORMATS if one.matches(row, Layout("json_lines"))) == "llava"


def test_cauldron_rows_name_their_source() -> None:
    texts = [
        {"user": "a", "assistant": "b", "source": "AI2D"},
        {"user": "c", "assistant": "d", "source": "x"},
    ]
    read = parsed("cauldron", {"texts": texts, "images": ["a.jpg", "b.jpg"]})
    assert [turn.text for turn in read.turns] == ["<image><image>a", "b", "c", "d"]
    assert read.extra == {"source": "AI2D"}


def test_a_tool_call_is_what_the_assistant_says() -> None:
    call = [{"type": "function", "function": {"name": "crop", "arguments": '{"x": 1}'}}]
    row = {
        "messages": [
            {"role": "user", "content": "What is written here?"},
            {"role": "assistant", "content": None, "tool_calls": call},
            {"role": "tool", "content": "a crop"},
            {"role": "assistant", "content": "", "function_call": {"name": "read"}, "tool_calls": None},
            {"role": "tool", "content": "KIOSK"},
            {"role": "assistant", "content": "KIOSK"},
        ]
    }
    read = parsed("messages", row)
    said = [turn.text for turn in read.turns if turn.role == "assistant"]
    assert [json.loads(text) for text in said[:2]] == [call, {"name": "read"}]
    assert all(turn.supervised for turn in read.turns if turn.role == "assistant")
    assert read.extra == {}
    talking = {"role": "assistant", "content": "Let me see.", "tool_calls": call}
    read = parsed("messages", {"messages": [talking]})
    assert (read.turns[0].text, read.extra) == ("Let me see.", {"turn.tool_calls": call})


def test_the_picture_of_a_problem_stands_in_front() -> None:
    row = {"image": "a.jpg", "problem": "Find x.", "answer": "3"}
    assert [turn.text for turn in parsed("problem", row).turns] == ["<image>Find x.", "3"]
    assert parsed("problem", find_format("problem").example).turns[0].text == "<image>Find x."


@pytest.mark.parametrize(
    ("row", "gold"),
    [
        ({"problem": "Find x.", "solution": "<answer> 3 </answer>"}, "3"),
        ({"prompt": "How many?", "label": 4}, "4"),
        ({"prompt": [{"role": "user", "content": "How many?"}], "reward_model": {"ground_truth": "5"}}, "5"),
    ],
)
def test_the_known_answer_of_an_rl_prompt_is_a_turn_of_its_own(row: dict[str, Any], gold: str) -> None:
    name = "problem" if "problem" in row else "prompt_completion"
    assert find_format(name).matches(row, PLAIN)
    last = parsed(name, row).turns[-1]
    assert (last.role, last.text, last.supervised) == ("gold", gold, False)


def test_a_prompt_without_a_known_answer_has_no_such_turn() -> None:
    row = {"prompt": [{"role": "user", "content": "How many?"}], "answer": ["3", "4"]}
    assert [turn.role for turn in parsed("prompt_completion", row).turns] == ["user"]


def test_half_of_a_pair_inside_the_text_of_a_comparison_is_mended() -> None:
    inner = r'{"question": "Q", "chosen": "a\ud800", "rejected": "b"}'
    assert [turn.text for turn in parsed("rlhf_v", {"text": inner}).turns] == ["Q", "a\ufffd", "b"]
    with pytest.raises(RowFault, match="text: not JSON"):
        parsed("rlhf_v", {"text": inner[:-1]})


def test_a_format_that_needs_columns_is_refused_without_them(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text(json.dumps([find_format("llava").example]))
    one = Input(tmp_path / "rows.json", "rows.json")
    with pytest.raises(AuditError, match=r"rows\.json: --format llamafactory needs .* dataset_info\.json"):
        detect(one, "llamafactory")
