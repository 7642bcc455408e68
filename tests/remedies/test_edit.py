"""A field changes, its neighbours keep their spelling."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sft_audit.remedies.edit import Change, apply_to_text, apply_to_value

VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def paths(value, path=()):
    yield path
    match value:
        case dict():
            for name, one in value.items():
                yield from paths(one, (*path, name))
        case list():
            for at, one in enumerate(value):
                yield from paths(one, (*path, at))


@given(VALUES, VALUES, st.data())
def test_the_text_says_what_the_value_says(value, new, data):
    path = data.draw(st.sampled_from(list(paths(value))))
    text = json.dumps(value, ensure_ascii=data.draw(st.booleans()), indent=data.draw(st.none() | st.just(2)))
    gone = bool(path) and isinstance(path[-1], str) and data.draw(st.booleans())
    change = Change(path, None if gone else new, gone)
    assert json.loads(apply_to_text(text.encode(), [change])) == apply_to_value(value, [change])


EXAMPLES = [
    ('{ "a":1.0,  "b" : "x" }', Change(("b",), "y"), '{ "a":1.0,  "b" : "y" }'),
    ('{"a": "\\u00e9", "b": "x"}', Change(("b",), "é"), '{"a": "\\u00e9", "b": "\\u00e9"}'),
    ('{"a": "é", "b": "x"}', Change(("b",), "ü"), '{"a": "é", "b": "ü"}'),
    ('{"a": [1 , {"b": null}]}', Change(("a", 1, "b"), [2]), '{"a": [1 , {"b": [2]}]}'),
    ('{"a": 1,\n "b": 2,\n "c": 3}', Change(("b",), gone=True), '{"a": 1,\n "c": 3}'),
    ('{"a": 1,\n "b": 2,\n "c": 3}', Change(("c",), gone=True), '{"a": 1,\n "b": 2}'),
    ('{ "a": 1 }', Change(("a",), gone=True), "{  }"),
    ('{"a": 1, "b": 0, "a": 2}', Change(("a",), 3), '{"a": 1, "b": 0, "a": 3}'),
    ('{"a": 1, "b": 0, "a": 2}', Change(("a",), gone=True), '{"b": 0}'),
    ('{"a": "é"}', Change(("a",), "\ud800"), '{"a": "\\ud800"}'),
]


@pytest.mark.parametrize(("text", "change", "expected"), EXAMPLES)
def test_only_the_one_token_changes(text, change, expected):
    assert apply_to_text(text.encode(), [change]) == expected.encode()


def test_a_path_that_is_not_there_is_said():
    with pytest.raises(KeyError):
        apply_to_text(b'{"a": 1}', [Change(("b",), 2)])
