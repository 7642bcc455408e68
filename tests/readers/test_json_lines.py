"""Cutting JSON Lines: a row a line, its exact bytes, and lines that are none."""

import json
from pathlib import Path

import pytest
from arrays import llava, read_bytes, window
from hypothesis import given, settings
from hypothesis import strategies as st

from sft_audit.readers.chunk import Row
from sft_audit.sample import Malformed

GOOD = json.dumps(llava()).encode()


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from([GOOD, b"", b"  ", b"\t" + GOOD + b" ", b"{}", b"oops", b"\x00\x00", b"[1]"])),
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
    st.integers(2, 300),
)
def test_every_line_that_is_not_blank_is_accounted_for(tmp_path_factory, lines, end, closed, block) -> None:
    raw = end.join(lines) + (end if closed else b"")
    with window(block, 1 << 20):
        found, _ = read_bytes(tmp_path_factory.mktemp("l"), raw, "json_lines")
    rows = [(number, line.strip(b" \t")) for number, line in enumerate(lines, 1) if line.strip(b" \t")]
    assert [one.place.position for one in found] == [number for number, _ in rows]
    assert [raw[p.byte_offset : p.byte_offset + p.n_bytes] for p in (one.place for one in found)] == [
        line for _, line in rows
    ]
    assert [isinstance(one, Row) for one in found] == [line.startswith(b"{") for _, line in rows]


def test_a_line_beyond_the_limit_is_passed_over(tmp_path: Path) -> None:
    huge = json.dumps(llava("x" * 5000)).encode()
    with window(256, 2000):
        found, _ = read_bytes(tmp_path, b"\n".join([GOOD, huge, GOOD, huge]), "json_lines")
    assert [isinstance(one, Row) for one in found] == [True, False, True, False]
    assert [one.place.n_bytes for one in found] == [len(one) for one in (GOOD, huge, GOOD, huge)]
    assert f"{len(huge):,} bytes" in found[1].reason


def test_a_byte_order_mark_is_said(tmp_path: Path) -> None:
    found, kinds = read_bytes(tmp_path, b"\xef\xbb\xbf" + GOOD, "json_lines")
    assert found[0].place.byte_offset == 3
    assert kinds == ["bom"]


@pytest.mark.parametrize("line", [b'{"a": 1} {"b": 2}', b'{"a": 1}{', b"null", b'"x"', b'{"a": "\x01"}'])
def test_a_line_that_is_not_one_object_is_not_read(tmp_path: Path, line: bytes) -> None:
    found, _ = read_bytes(tmp_path, GOOD + b"\n" + line, "json_lines")
    assert [type(one) for one in found] == [Row, Malformed]
