"""What every check must be, and its own examples as tests. A new check gets all of this for nothing."""

import re
from pathlib import Path
from typing import get_args

import pytest

from sft_audit.check import FAMILIES, Check, Tables, all_checks
from sft_audit.finding import AXES, Severity
from sft_audit.policy import load_policy
from sft_audit.record import all_recorders
from sft_audit.tables import TABLES
from sft_audit.testing import findings_of

CHECKS = all_checks().values()
HEADINGS = ["Why it matters", "Options", "Known limits", "Source"]


def examples(kind: str) -> list:
    return [
        pytest.param(one.code, rows, id=f"{one.code}-{number}")
        for one in CHECKS
        for number, rows in enumerate(getattr(one, kind))
    ]


@pytest.mark.parametrize("one", CHECKS, ids=lambda one: one.code)
def test_a_check_declares_itself_fully(one: Check) -> None:
    assert one.family in FAMILIES
    assert one.severity in get_args(Severity)
    assert one.axis in AXES
    filled = {table for recorder in all_recorders().values() for table in recorder.fills}
    assert set(one.reads) <= filled | set(TABLES)
    assert [line[3:] for line in one.page.splitlines() if line.startswith("## ")] == HEADINGS
    assert re.fullmatch(r"[A-Z].*[.?]", one.title)
    assert one.remedy != "none" or not one.safe


@pytest.mark.parametrize("one", CHECKS, ids=lambda one: one.code)
def test_every_option_stands_on_the_page(one: Check) -> None:
    options = one.page.partition("## Options")[2].partition("## Known limits")[0]
    assert [name for name in one.options if f"`{name}`" not in options] == []
    assert one.options or "None." in options


@pytest.mark.parametrize("one", CHECKS, ids=lambda one: one.code)
def test_a_check_is_pure(one: Check) -> None:
    assert one.ask(Tables(), **one.options) == one.ask(Tables(), **one.options)
    source = Path(one.ask.__code__.co_filename).read_text(encoding="utf-8")
    assert not re.search(
        r"^\s*(import|from) (torch|logging|matplotlib|pathlib|os)\b|\bopen\(|\bprint\(", source, re.MULTILINE
    )


@pytest.mark.parametrize("one", CHECKS, ids=lambda one: one.code)
def test_a_check_has_examples_both_ways(one: Check) -> None:
    if one.code != "INT101":  # needs bytes that are no rows
        assert one.bad
    assert one.good


@pytest.mark.parametrize(("code", "rows"), examples("bad"))
def test_bad_rows_are_found(code: str, rows: list) -> None:
    found = findings_of(code, rows)
    assert {finding["check"] for finding in found} == {code}
    assert all(finding["message"] for finding in found)
    assert len({finding["finding_id"] for finding in found}) == len(found)


@pytest.mark.parametrize(("code", "rows"), examples("good"))
def test_good_rows_are_left_alone(code: str, rows: list) -> None:
    assert findings_of(code, rows) == []


def test_every_rule_names_a_check_and_its_source() -> None:
    for rule in load_policy(None).rules:
        assert rule.check in all_checks()
        assert len(rule.source) > 15
        assert rule.review_above is not None or rule.block_above is not None


def test_a_preview_check_cannot_block() -> None:
    blocking = {rule.check for rule in load_policy(None).rules if rule.block_above is not None}
    assert blocking.isdisjoint(one.code for one in CHECKS if one.preview)
