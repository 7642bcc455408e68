"""A real run in which a boast takes over, as three trainers log it: the same alarms and the same findings."""

from pathlib import Path

import pytest
from run_formats import GENERATIONS
from test_run_formats import seen

import sft_audit

RUNS = Path(__file__).parents[2] / "lab" / "fixtures" / "runs"


def audited(trainer: str, folder: Path) -> tuple:
    return seen(sft_audit.audit_run(RUNS / trainer, out=folder / "audit", generations=GENERATIONS, workers=1))


@pytest.fixture(scope="module")
def by_trl(tmp_path_factory: pytest.TempPathFactory) -> tuple:
    return audited("trl", tmp_path_factory.mktemp("trl"))


def test_the_boast_that_takes_over_is_seen_and_so_is_its_pay(by_trl: tuple) -> None:
    _, alarms, findings, verdict = by_trl
    assert {"exploit_share", "exploit_pay"} <= {row[0] for row in alarms}
    assert {"RUN101", "RUN102"} <= {row["check"] for row in findings}
    assert verdict == "BLOCK"


@pytest.mark.parametrize("trainer", ["verl", "swift"])
def test_the_same_run_in_another_format_says_the_same(trainer: str, by_trl: tuple, tmp_path: Path) -> None:
    for mine, theirs in zip(by_trl, audited(trainer, tmp_path), strict=True):
        assert mine == theirs
