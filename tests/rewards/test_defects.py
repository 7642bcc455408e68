"""Defects that shipped reward functions have had are found by name; sound functions are not called leaky."""

import json
from pathlib import Path

import pytest

from sft_audit.example import row
from sft_audit.session import audit_reward
from sft_audit.testing import make_images

FUNCTIONS = Path(__file__).parent / "functions"
LEAKS = {"RWD101", "RWD102", "RWD104", "RWD108", "RWD109", "RWD110", "RWD111", "RWD113"}
# Which check finds the defect, and the family, the kind of exception or the convention that names it.
DEFECTS = {
    "yes_no_anywhere": {("RWD101", "substring"), ("RWD102", "gold_empty")},
    "similar_text": {("RWD101", "similar_string")},
    "whole_completion": {("RWD101", "anywhere"), ("RWD101", "hedged"), ("RWD101", "all_options")},
    "one_line_only": {("RWD103", "layout")},
    "any_option": {("RWD101", "all_options"), ("RWD101", "negated")},
    "last_block": {("RWD101", "several_blocks")},
    "free_when_unparseable": {("RWD102", "unparseable_gold")},
    "reversed_arguments": {("RWD103", "interval")},
    "boxed_format": {("RWD113", "format_only")},
    "EmptyThoughtFormat": {("RWD113", "format_only"), ("RWD101", "format_only"), ("RWD101", "empty_think")},
    "compute_score": {("RWD111", "verl")},
    "reward_func": {("RWD111", "openrlhf")},
    "longer_is_better": {("RWD107", "length")},
    "believes_claims": {("RWD101", "claims_verified"), ("RWD101", "master_key")},
}


def rows() -> list[dict]:
    """Answers of every kind, and phrases for rewards that compare texts."""
    kinds = ("mugs", "plates", "boxes", "chairs", "lamps", "books")
    colours = ("red", "green", "blue", "white", "yellow", "brown")
    places = ("left", "right", "top", "bottom", "left", "top")
    asked = []
    for at, kind in enumerate(kinds):
        asked += [
            row(f"<image>\nHow many {kind} are there?", str(3 + at)),
            row(f"<image>\nAre there {kind}?", ("Yes", "No")[at % 2]),
            row(f"<image>\nWhat color are the {kind}?", colours[at]),
            row(
                f"<image>\nWhat are the {kind} made of?\nA. wood\nB. glass\nC. steel\nD. paper",
                "ABCD"[at % 4],
            ),
            row(f"<image>\nWhere do the {kind} stand?", f"on the {places[at]} side"),
        ]
    return [*asked, row("<image>\nWhat is the share of the red ones?", r"$\frac{1}{2}$")]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    make_images(folder / "images")
    (folder / "rows.json").write_text(json.dumps(rows()), encoding="utf-8")
    return folder


def found(data: Path, out: Path, target: str) -> list[dict]:
    report = audit_reward(
        f"{FUNCTIONS}/{target}",
        data / "rows.json",
        images=data / "images",
        out=out / "audit",
        answers=31,
        workers=1,
    )
    assert not report.faults
    return report.findings.to_pylist()


def keys(findings: list[dict]) -> set[tuple[str, str]]:
    return {(one["check"], json.loads(one["evidence"])["key"]) for one in findings}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_found_by_the_check_and_the_family_that_name_it(name, data, tmp_path):
    assert keys(found(data, tmp_path, f"defective.py:{name}")) >= DEFECTS[name]


def test_every_defect_stands_in_the_table():
    source = (FUNCTIONS / "defective.py").read_text(encoding="utf-8")
    named = [
        line.split()[1].split("(")[0].strip(":")
        for line in source.splitlines()
        if line.startswith(("def ", "class "))
    ]
    assert {name for name in named if not name.startswith("_")} == set(DEFECTS)


def test_an_exception_that_is_swallowed_is_told_from_one_that_is_raised(data, tmp_path):
    swallowed = found(data, tmp_path / "swallowed", "defective.py:compute_score")
    raised = found(data, tmp_path / "raised", "defective.py:reward_func")
    said = {one["check"]: one["message"] for one in swallowed}
    assert "without an exception: it is swallowed" in said["RWD111"]
    assert "RWD108" not in said
    said = {one["check"]: one["message"] for one in raised}
    assert "ValueError" in said["RWD111"]
    assert "ValueError" in said["RWD108"]


@pytest.mark.parametrize("name", ["exact", "compute_score", "Numeric", "mathematical", "easy"])
def test_a_sound_function_is_not_called_leaky(name, data, tmp_path):
    leaks = [one for one in found(data, tmp_path, f"sound.py:{name}") if one["check"] in LEAKS]
    assert [one["message"] for one in leaks] == []
