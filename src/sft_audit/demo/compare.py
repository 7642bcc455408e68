"""Findings held against what was planted."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sft_audit.demo.bed import Planted

Finding = Mapping[str, Any]

CHECK_OF: Mapping[str, str] = MappingProxyType(
    {
        "file names tell the answer": "GRD203",
        "questions tell the answer": "GRD204",
        "answer is in the question": "GRD201",
        "preference fields in the row": "PRF301",
        "verdict in the answer": "PRF302",
        "rejected response as the answer": "PRF303",
        "text-only rows outweigh the others": "MOD501",
        "two answers to one question": "CON401",
        "row is cut short": "INT101",
        "comma is missing": "INT101",
        "bytes are not UTF-8": "INT101",
        "image file is missing": "INT102",
        "image file is cut short": "INT103",
        "file is not an image": "INT103",
        "placeholder without an image": "INT104",
        "turns in the wrong order": "INT105",
        "answer is empty": "INT106",
        "answer is a refusal": "INT107",
        "image is blank": "INT108",
        "image without a placeholder": "INT109",
        "text is damaged": "INT110",
        "row is repeated": "DUP601",
        "image is saved again": "DUP602",
        "row is repeated with a small change": "DUP603",
        "answers are lopsided": "BAL901",
    }
)
# How the key begins by which a check that looks for several faults of the whole tells this one.
KEY_OF: Mapping[str, str] = MappingProxyType(
    {"file names tell the answer": "file name", "comma is missing": "missing_comma@"}
)
# What a fault brings with it: an answer that is given away can be had without the image, and bytes that are
# not UTF-8 are read as damaged text.
BRINGS: Mapping[str, str] = MappingProxyType(
    {
        "file names tell the answer": "GRD202",
        "questions tell the answer": "GRD202",
        "answers are lopsided": "GRD202",
        "bytes are not UTF-8": "INT110",
    }
)


@dataclass(frozen=True, slots=True)
class Line:
    """One fault: how often it was planted, how often found, and how much of it is left after cleaning."""

    fault: str
    check: str
    planted: int
    found: int
    left: int


@dataclass(frozen=True, slots=True)
class Stray:
    """How many rows a check flagged where another fault was planted, and how many where none was."""

    check: str
    in_other_faults: int
    in_sound_rows: int


def found_against_planted(
    truth: Sequence[Planted], before: Sequence[Finding], after: Sequence[Finding]
) -> tuple[Line, ...]:
    """Return a line for every planted fault, in the order of CHECK_OF.

    A row counts as found by its place before cleaning, and as left by its id after it.
    """
    lines = []
    for fault, check in CHECK_OF.items():
        planted = [one for one in truth if one.fault == fault]
        old, new = _of(check, before), _of(check, after)
        found = _rows(planted, old, by_place=True) + _wholes(planted, old)
        left = _rows(planted, new, by_place=False) + _wholes(planted, new)
        lines.append(Line(fault, check, len(planted), found, left))
    return tuple(lines)


def flagged_but_not_planted(
    truth: Sequence[Planted], before: Sequence[Finding], sources: Sequence[str]
) -> tuple[Stray, ...]:
    """Return what each check flagged beyond its own faults and the rows that those are about.

    `sources` are the sources of the rows in their order before cleaning.
    """
    places = {one.position for one in truth}
    strays = []
    for check in sorted({f["check"] for f in before}):
        own = [one for one in truth if check in (CHECK_OF[one.fault], BRINGS.get(one.fault))]
        expected = {one.position for one in own}
        beside = {row for one in own for row in one.beside}
        spoilt = {one.source for one in own if one.row is None}
        flagged = {
            f["position"]
            for f in _of(check, before)
            if f["sample_id"] is not None
            and f["position"] not in expected
            and f["id"] not in beside
            and sources[f["position"] - 1] not in spoilt
        }
        if flagged:
            strays.append(Stray(check, len(flagged & places), len(flagged - places)))
    return tuple(strays)


def _of(check: str, findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding["check"] == check]


def _rows(planted: Sequence[Planted], findings: Sequence[Finding], *, by_place: bool) -> int:
    places, ids = {f["position"] for f in findings}, {f["id"] for f in findings}
    in_rows = [one for one in planted if one.row is not None]
    return sum(one.position in places if by_place else one.row in ids for one in in_rows)


def _wholes(planted: Sequence[Planted], findings: Sequence[Finding]) -> int:
    """Count the faults of a source, or of the file, that a finding about the whole names."""
    about = [finding["evidence"] for finding in findings if finding["sample_id"] is None]
    wholes = [one for one in planted if one.row is None]
    naming = [evidence for evidence in about if any(_names(evidence, one) for one in wholes)]
    named = [one for one in wholes if any(_names(evidence, one) for evidence in naming)]
    return min(len(named), len(naming))


def _names(evidence: str, one: Planted) -> bool:
    """Return whether the evidence is of this kind of fault, and names its source if it has one."""
    of_its_kind = json.loads(evidence)["key"].startswith(KEY_OF.get(one.fault, ""))
    return of_its_kind and (not one.source or json.dumps(one.source) in evidence)
