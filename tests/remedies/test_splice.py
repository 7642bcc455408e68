"""Rows go, and nothing else."""

import io
import json

from hypothesis import given
from hypothesis import strategies as st

from sft_audit.remedies.splice import Piece, Row, array_pieces, line_pieces, source_of, write

WHITE = st.text(" \t\r\n", max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
RECORDS = st.dictionaries(st.text(max_size=4), VALUES, max_size=3)


def spliced(text, rows, *, mend=False, lines=False):
    source, out = source_of(io.BytesIO(text), len(text)), io.BytesIO()
    pieces = list((line_pieces if lines else array_pieces)(source, rows, mend=mend))
    write(source, pieces, out)
    return out.getvalue(), pieces


@st.composite
def arrays(draw):
    """An array as somebody's own tool might have written it: its text, its values, the span of each."""
    values = draw(st.lists(RECORDS, max_size=6))
    text, spans = draw(WHITE) + "[" + draw(WHITE), []
    for number, value in enumerate(values):
        text += draw(WHITE) + "," + draw(WHITE) if number else ""
        row = json.dumps(value, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1, 4])))
        start = len(text.encode())
        text += row
        spans.append((start, len(text.encode())))
    return (text + draw(WHITE) + "]" + draw(WHITE)).encode(), values, spans


@st.composite
def line_files(draw):
    """A JSON Lines file with blank and indented lines: its text, its values, the span of each."""
    values = draw(st.lists(RECORDS, max_size=6))
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    blank = st.sampled_from(["", newline, "  " + newline])
    text, spans = draw(blank), []
    for number, value in enumerate(values):
        text += (newline + draw(blank) if number else "") + draw(st.sampled_from(["", " ", "\t"]))
        start = len(text.encode())
        text += json.dumps(value, ensure_ascii=draw(st.booleans()))
        spans.append((start, len(text.encode())))
    return (text + draw(st.sampled_from(["", newline, newline + newline]))).encode(), values, spans


@given(arrays(), st.data())
def test_any_rows_of_an_array_may_go(array, data):
    text, values, spans = array
    kept = data.draw(st.lists(st.booleans(), min_size=len(spans), max_size=len(spans)))
    out, pieces = spliced(text, [Row(*span, keep) for span, keep in zip(spans, kept, strict=True)])
    assert json.loads(out) == [value for value, keep in zip(values, kept, strict=True) if keep]
    assert not any(piece.mends for piece in pieces)
    at = 0
    for (start, stop), keep in zip(spans, kept, strict=True):
        if keep:
            at = out.index(text[start:stop], at) + stop - start


@given(arrays(), st.booleans())
def test_an_array_with_nothing_to_do_stays_as_it_is(array, mend):
    text, _, spans = array
    assert spliced(text, [Row(*span) for span in spans], mend=mend)[0] == text


@given(line_files(), st.data())
def test_any_lines_may_go(file, data):
    text, values, spans = file
    kept = data.draw(st.lists(st.booleans(), min_size=len(spans), max_size=len(spans)))
    out, _ = spliced(text, [Row(*span, keep) for span, keep in zip(spans, kept, strict=True)], lines=True)
    left = [json.loads(line) for line in out.split(b"\n") if line.strip()]
    assert left == [value for value, keep in zip(values, kept, strict=True) if keep]
    assert out.count(b"\n") == text.count(b"\n") - sum(
        b"\n" in text[stop:] for (_, stop), keep in zip(spans, kept, strict=True) if not keep
    )


@given(line_files(), st.booleans())
def test_lines_with_nothing_to_do_stay_as_they_are(file, mend):
    text, _, spans = file
    assert spliced(text, [Row(*span) for span in spans], lines=True, mend=mend)[0] == text


@given(arrays(), st.data())
def test_a_row_is_replaced_where_it_stands(array, data):
    text, values, spans = array
    changed = data.draw(st.lists(st.booleans(), min_size=len(spans), max_size=len(spans)))
    rows = [Row(*span, True, b"[1]" if new else None) for span, new in zip(spans, changed, strict=True)]
    out, _ = spliced(text, rows)
    assert json.loads(out) == [[1] if new else value for value, new in zip(values, changed, strict=True)]


def rows_of(text, *gone):
    """Return the rows of an array of single digits; those named in `gone` go."""
    digits = [at for at, char in enumerate(text) if chr(char).isdigit()]
    return [Row(at, at + 1, chr(text[at]) not in gone) for at in digits]


SEPARATORS = [
    (b"[1 ,\n2,  3]\n", "1", b"[2,  3]\n"),
    (b"[1 ,\n2,  3]\n", "2", b"[1 ,\n3]\n"),
    (b"[1 ,\n2,  3]\n", "3", b"[1 ,\n2]\n"),
    (b"[1 ,\n2,  3]\n", "23", b"[1]\n"),
    (b"[\n 1,\n 2\n]\n", "2", b"[\n 1\n]\n"),
    (b" [\n 1,\n 2\n]\n", "12", b" []\n"),
]


def test_the_rule_for_separators():
    for text, gone, expected in SEPARATORS:
        assert spliced(text, rows_of(text, *gone))[0] == expected


DAMAGED = [
    (b"[1\n 2]", b"[1,\n 2]"),
    (b"[1,, 2]", b"[1, 2]"),
    (b"[1, x, 2]", b"[1, 2]"),
    (b"[1, 2,\n]\n", b"[1, 2\n]\n"),
    (b"\xef\xbb\xbf[1, 2]", b"[1, 2]"),
    (b"[1, 2", b"[1, 2]"),
    (b"[1, 2,", b"[1, 2]"),
    (b"[1, 2] x\n", b"[1, 2] "),
    (b"1, 2]", b"[1, 2]"),
    (b"[,1, 2]", b"[1, 2]"),
]


def test_what_is_not_json_between_rows_is_mended_where_asked():
    for text, expected in DAMAGED:
        assert spliced(text, rows_of(text), mend=True)[0] == expected
        assert spliced(text, rows_of(text))[0] == text


def test_a_byte_order_mark_before_lines_goes():
    text = b"\xef\xbb\xbf1\n2\n"
    out, pieces = spliced(text, [Row(3, 4), Row(5, 6)], mend=True, lines=True)
    assert out == b"1\n2\n"
    assert Piece(0, 3, b"", mends=True) in pieces
    assert spliced(text, [Row(3, 4, False), Row(5, 6)], mend=True, lines=True)[0] == b"2\n"
    assert spliced(text, [Row(3, 4, False), Row(5, 6)], lines=True)[0] == b"\xef\xbb\xbf2\n"
