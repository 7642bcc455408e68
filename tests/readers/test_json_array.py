"""Cutting a JSON array: exact bytes, whatever the spelling; after damage, on at the next row."""

import json
from pathlib import Path

import pytest
from arrays import llava, read, read_bytes, window
from hypothesis import given, settings
from hypothesis import strategies as st

from sft_audit.readers.chunk import Row
from sft_audit.sample import Malformed

BLANK = st.text(" \t\r\n", max_size=4)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
ROWS = st.lists(st.builds(llava, TEXT, extra=VALUES), min_size=1, max_size=8)


@st.composite
def arrays(draw: st.DrawFn) -> tuple[list[dict], list[bytes], bytes]:
    """Rows, the bytes of each as spelled, and the whole file."""
    rows = draw(ROWS)
    indent, ascii_only = draw(st.sampled_from([None, 0, 2])), draw(st.booleans())
    texts = [json.dumps(row, indent=indent, ensure_ascii=ascii_only).encode() for row in rows]
    before = [draw(BLANK).encode() for _ in rows]
    after = [draw(BLANK).encode() for _ in rows]
    body = b",".join(b + text + a for b, text, a in zip(before, texts, after, strict=True))
    return rows, texts, draw(BLANK).encode() + b"[" + body + b"]" + draw(BLANK).encode()


@settings(max_examples=150, deadline=None)
@given(arrays(), st.integers(1, 200))
def test_every_row_has_its_exact_bytes_in_any_spelling(tmp_path_factory, case, block) -> None:
    rows, texts, raw = case
    path = tmp_path_factory.mktemp("a") / "rows.json"
    path.write_bytes(raw)
    with window(block, 1 << 20):
        found, problems = read(path)
    assert [one.content for one in found] == rows
    assert [raw[p.byte_offset : p.byte_offset + p.n_bytes] for p in (one.place for one in found)] == texts
    assert [one.place.position for one in found] == list(range(1, len(rows) + 1))
    assert [one.place.line for one in found] == [1 + raw[: o.place.byte_offset].count(b"\n") for o in found]
    assert problems == []


@settings(max_examples=200, deadline=None)
@given(arrays(), st.data())
def test_a_damaged_byte_costs_its_own_row_only(tmp_path_factory, case, data) -> None:
    _, texts, raw = case
    victim = data.draw(st.integers(0, len(texts) - 1))
    start = raw.index(texts[victim])
    at = data.draw(st.integers(start, start + len(texts[victim]) - 1))
    new = data.draw(st.sampled_from([b"", b'"', b"\\", b"\x00", b"}", b"]", b",", b"\xff", b"{"]))
    damaged = raw[:at] + new + raw[at + 1 :]
    path = tmp_path_factory.mktemp("a") / "rows.json"
    path.write_bytes(damaged)
    with window(data.draw(st.integers(1, 400)), 1 << 20):
        found, problems = read(path)
    spans = [(one.place.byte_offset, one.place.n_bytes) for one in found]
    whole = [damaged[a : a + n] for a, n in spans]
    for number, text in enumerate(texts):
        assert number == victim or whole.count(text) >= texts.count(text) - (text == texts[victim])
    assert_covered(
        damaged, spans, [(p.byte_offset, p.n_bytes) for p in problems if p.kind == "trailing_data"]
    )


def assert_covered(raw: bytes, *spans: list[tuple[int, int]]) -> None:
    """Every byte is in exactly one row, gap or tail, or is a separator."""
    at, between = 0, b""
    for offset, n_bytes in sorted(span for part in spans for span in part):
        assert offset >= at
        between += raw[at:offset]
        at = offset + n_bytes
    assert set(between + raw[at:]) <= set(b"[], \t\r\n\xef\xbb\xbf")


GOOD = json.dumps(llava()).encode()
OTHER = json.dumps(llava("A dog.")).encode()


@pytest.mark.parametrize(
    ("raw", "read_well", "unread", "problems"),
    [
        (b"[%s %s]", 2, 0, ["missing_comma"]),
        (b"[%s, %s,]", 2, 0, ["trailing_comma"]),
        (b"[%s,, %s]", 2, 0, ["extra_comma"]),
        (b"[,%s, %s]", 2, 0, ["extra_comma"]),
        (b"[%s, %s", 2, 0, ["truncated"]),
        (b"[%s, %s,", 2, 0, ["truncated"]),
        (b"\xef\xbb\xbf[%s, %s]", 2, 0, ["bom"]),
        (b"[%s, %s] [1]", 2, 0, ["trailing_data"]),
        (b"[%s] [%s]", 2, 0, ["missing_comma", "trailing_data"]),
        (b"[%s], %s]", 2, 0, ["trailing_data"]),
        (b"[%s, %s]\x00\x00", 2, 0, ["trailing_data"]),
        (b"[%s, null, 12, NaN, [], \"x\", %s]", 2, 5, []),
        (b"[%s, oops, %s]", 2, 1, []),
        (b"[%s; %s]", 2, 1, []),
        (b'[{"id": "x", %s, %s]', 2, 1, []),
        (b'[%s, {"conversations": [{"from": "human", "value": "cut, %s]', 2, 1, []),
        (b'[%s, %s, {"conversations": [{"from": "gpt", "va', 2, 1, ["truncated"]),
        (b'[%s, %s, {"conversations": [{"from": "gpt"}, {"from": "gpt", "value": "b"}]', 2, 1, []),
        (b"[\x00\x00\x00%s, %s]", 2, 1, []),
        (b"[]", 0, 0, []),
        (b"[", 0, 0, ["truncated"]),
    ],
)  # fmt: skip
def test_damage_is_said_and_the_other_rows_are_read(tmp_path: Path, raw, read_well, unread, problems) -> None:
    raw = raw % (GOOD, OTHER) if b"%s" in raw else raw
    found, kinds = read_bytes(tmp_path, raw)
    assert [sum(isinstance(one, Row) for one in found), sum(isinstance(one, Malformed) for one in found)] == [
        read_well,
        unread,
    ]
    assert sorted(set(kinds)) == problems


def test_a_gap_is_given_by_its_bytes(tmp_path: Path) -> None:
    found, _ = read_bytes(tmp_path, b"[%s,\n {broken: 1},\n %s]" % (GOOD, OTHER))
    place = found[1].place
    raw = (tmp_path / "rows").read_bytes()
    assert raw[place.byte_offset : place.byte_offset + place.n_bytes] == b"{broken: 1}"
    assert (place.position, place.line) == (2, 2)
    assert "expecting property name" in found[1].reason
    assert [one.place.line for one in found] == [1, 2, 3]


def test_a_row_swallowed_by_an_unclosed_one_is_found_again(tmp_path: Path) -> None:
    unclosed = GOOD.removesuffix(b"]}")
    with window(4096, 1 << 20):
        rows = [unclosed] + [OTHER] * 200
        found, kinds = read_bytes(tmp_path, b"[" + b", ".join(rows) + b"]")
    assert sum(isinstance(one, Row) for one in found) == 200
    assert kinds == []


def test_what_json_load_accepts_is_read_and_said(tmp_path: Path) -> None:
    odd = b'{"conversations": [{"from": "gpt", "value": "a\\ud800\\u0000b"}], "x": NaN, "x": -Infinity}'
    found, kinds = read_bytes(tmp_path, b"[" + odd + b"]")
    assert found[0].content["conversations"][0]["value"] == "a\ufffd\x00b"
    assert sorted(kinds) == ["duplicate_key", "lone_surrogate", "nan", "nan", "nul"]


def test_bad_utf8_is_replaced_and_said(tmp_path: Path) -> None:
    found, kinds = read_bytes(
        tmp_path, b"[" + json.dumps(llava("A cXt.")).encode().replace(b"X", b"\xff") + b"]"
    )
    assert found[0].content["conversations"][1]["value"] == "A c\ufffdt."
    assert kinds == ["bad_utf8"]


@pytest.mark.parametrize(("left", "right"), [(b"[", b"]"), (b'{"a":', b"}")])
@pytest.mark.parametrize("depth", [196, 250, 10_000])
def test_nesting_beyond_the_limit_is_a_row_that_is_not_read(tmp_path: Path, depth, left, right) -> None:
    inside = left * depth + b"1" + right * depth
    deep = b'{"conversations": [{"from": "gpt", "value": "b"}], "x": ' + inside + b"}"
    found, kinds = read_bytes(tmp_path, b"[%s, %s, %s]" % (GOOD, deep, OTHER))
    assert [isinstance(one, Row) for one in found] == [True, depth < 200, True]
    assert depth < 200 or "at most 200 levels deep" in found[1].reason
    assert found[1].place.n_bytes == len(deep)
    assert kinds == []


def test_brackets_in_text_are_not_nesting(tmp_path: Path) -> None:
    found, _ = read_bytes(tmp_path, b"[" + json.dumps(llava('[{"' * 5000)).encode() + b"]")
    assert isinstance(found[0], Row)


def test_a_row_beyond_the_limit_is_passed_over(tmp_path: Path) -> None:
    huge = json.dumps(llava("x" * 5000)).encode()
    with window(256, 2000):
        found, kinds = read_bytes(tmp_path, b"[%s, %s, %s]" % (GOOD, huge, OTHER))
    assert [isinstance(one, Row) for one in found] == [True, False, True]
    assert found[1].place.n_bytes == len(huge)
    assert "this one is larger" in found[1].reason
    assert kinds == []


def test_a_number_too_long_for_json_load_is_not_read(tmp_path: Path) -> None:
    found, _ = read_bytes(tmp_path, b'[{"conversations": [], "n": %s}, %s]' % (b"9" * 5000, GOOD))
    assert [isinstance(one, Row) for one in found] == [False, True]
    assert "4,300 digits" in found[0].reason


@pytest.mark.parametrize("piece", [b'{"a":', b"[", b'{"a":[1,', b'{"', b'{"a":"b",'])
def test_hostile_repetition_ends(tmp_path: Path, piece: bytes) -> None:
    found, kinds = read_bytes(tmp_path, b"[" + GOOD + b"," + piece * 5_000)
    assert [isinstance(one, Row) for one in found] == [True, False]
    assert kinds == ["truncated"]
