"""Each rewriter belongs to a check that names a rewrite as its remedy, and does what it says."""

import pytest

from sft_audit.check import all_checks
from sft_audit.remedies.edit import apply_to_value
from sft_audit.remedies.rewriters import all_rewriters, changes_for


@pytest.mark.parametrize("code", all_rewriters())
def test_a_rewriter_belongs_to_a_check(code):
    assert all_checks()[code].remedy == "rewrite"
    assert all_rewriters()[code].reason


def test_a_safe_rewrite_has_a_rewriter():
    safe = {c.code for c in all_checks().values() if c.remedy == "rewrite" and c.safe}
    assert safe <= all_rewriters().keys()


def turns(question, answer="A kitchen.", spelling=("from", "human", "gpt", "value")):
    role, user, assistant, content = spelling
    return [{role: user, content: question}, {role: assistant, content: answer}]


OPENAI = ("role", "user", "assistant", "content")
EXAMPLES = [
    (
        "INT109",
        {"image": "a.jpg", "conversations": turns("What?")},
        {"images": 1},
        {"image": "a.jpg", "conversations": turns("<image>\nWhat?")},
    ),
    (
        "INT109",
        {"images": ["a", "b"], "messages": [{"role": "system", "content": "s"}, *turns("Hm?", "A", OPENAI)]},
        {"images": 2},
        {
            "images": ["a", "b"],
            "messages": [{"role": "system", "content": "s"}, *turns("<image>\n<image>\nHm?", "A", OPENAI)],
        },
    ),
    (
        "INT109",
        {"messages": turns([{"type": "text", "text": "Hm?"}], "A", OPENAI)},
        {"images": 1},
        {"messages": turns([{"type": "image"}, {"type": "text", "text": "Hm?"}], "A", OPENAI)},
    ),
    (
        "INT109",
        {"question": "Hm?", "image": "a.jpg"},
        {"images": 1},
        {"question": "Hm?", "image": "a.jpg"},
    ),
    (
        "INT110",
        {"image": "a\x01.jpg", "conversations": turns("What\x00?", "A\x1b[1m kit\x1b\tchen.")},
        {"what": "a control character", "excerpt": "A\x1b[1m kit\x1b\tche"},
        {"image": "a\x01.jpg", "conversations": turns("What\x00?", "A[1m kit\tchen.")},
    ),
    (
        "INT110",
        {"messages": turns([{"type": "text", "text": "\x00What?"}], "A\x00?", OPENAI)},
        {"what": "a control character", "excerpt": "<image>\x00What?"},
        {"messages": turns([{"type": "text", "text": "What?"}], "A\x00?", OPENAI)},
    ),
    (
        "INT110",
        {"conversations": turns("\x00", "\x00\x0crac{1}{2}")},
        {"what": "a control character", "excerpt": "\x00"},
        {"conversations": turns("", "\x00\x0crac{1}{2}")},
    ),
    (
        "INT110",
        {"conversations": turns("What?", "\x0crac{1}{2}")},
        {"what": "a LaTeX command that lost its backslash to a control character"},
        {"conversations": turns("What?", "\x0crac{1}{2}")},
    ),
    (
        "PRF301",
        {"score": 3, "id": "1", "messages": [{"role": "user", "content": "a", "rating": 2}]},
        {"fields": ["score", "turn.rating"]},
        {"id": "1", "messages": [{"role": "user", "content": "a"}]},
    ),
]
STATED = [
    ("<image>\nWhat color is the car? Answer: red", "Answer: red", "<image>\nWhat color is the car?"),
    ("<image>\nHint: it is red.\nWhat color?", "Hint: it is red", "<image>\nWhat color?"),
    ("<image>\nA dog? (The correct answer is: yes)", "answer is: yes", "<image>\nA dog?"),
    ("<image>\nIt is blue. What colour is it?", "It is blue.", "<image>\nWhat colour is it?"),
    ("Caption: 3 men.\nHow many?<image>", "Caption: 3 men", "How many?<image>"),
    ("What is it? [Hint: a cat] Say.", "Hint: a cat", "What is it? Say."),
    ("Hint: a cat.\nWhat?\nA. cat\nB. dog", "Hint: a cat", "What?\nA. cat\nB. dog"),
    ("<image>\nCaption: a cat.", "Caption: a cat", "<image>\nCaption: a cat."),
    ("<image>Hint: it is red. What color?", "Hint: it is red", "<image>What color?"),
    ("What color? It is red<image>", "It is red", "What color? <image>"),
]
EXAMPLES += [
    (
        "GRD201",
        {"conversations": turns(question)},
        {"how": "hint", "quote": quote},
        {"conversations": turns(expected)},
    )
    for question, quote, expected in STATED
]


SLOTTED = [
    ("<image>\nTag: red. What color?", "<image>\nWhat color?"),
    ("<image>Tag: red. What color?", "<image>What color?"),
    ("What color?\nTag: red\n<image>", "What color?\n<image>"),
    ("<image>\nWhat color? (Tag: red) One word.", "<image>\nWhat color? One word."),
    ("<image>\nFile: a.png. Tag: red. What color?", "<image>\nFile: a.png. What color?"),
    ("Tag: red. Tag: blue. What color?<image>", "What color?<image>"),
    ("<image>\nTag: red.", "<image>\nTag: red."),
    ("<image>\nTranslate the tag. Tag: red.", "<image>\nTranslate the tag. Tag: red."),
]
EXAMPLES += [
    ("GRD203", {"conversations": turns(question)}, {"slot": "Tag:"}, {"conversations": turns(expected)})
    for question, expected in SLOTTED
]
EXAMPLES.append(
    (
        "GRD201",
        {"messages": turns([{"type": "text", "text": "Hint: a cat. What?"}], "A cat.", OPENAI)},
        {"how": "hint", "quote": "Hint: a cat"},
        {"messages": turns([{"type": "text", "text": "What?"}], "A cat.", OPENAI)},
    )
)
PARTS = [{"type": "image"}, {"type": "text", "text": "Tag: red. Why?"}]
EXAMPLES += [
    (
        "GRD203",
        {"messages": [*turns(PARTS, "Tag: red. No.", OPENAI), *turns("Tag: blue. And?", "A", OPENAI)]},
        {"slot": "Tag:"},
        {
            "messages": [
                *turns([{"type": "image"}, {"type": "text", "text": "Why?"}], "Tag: red. No.", OPENAI),
                *turns("And?", "A", OPENAI),
            ]
        },
    ),
    (
        "GRD203",
        {"conversations": turns("Tag: red. What color?"), "tag": "red"},
        {"field": "tag", "slot": None},
        {"conversations": turns("Tag: red. What color?"), "tag": "red"},
    ),
]


@pytest.mark.parametrize(("code", "row", "evidence", "expected"), EXAMPLES)
def test_a_row_is_put_right(code, row, evidence, expected):
    assert apply_to_value(row, changes_for(code, row, evidence).made) == expected
