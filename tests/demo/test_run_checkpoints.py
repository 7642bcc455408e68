"""Two real runs of TRL: what looks away is seen in its saved models, and a sound run is left alone."""

import json
import sys
from pathlib import Path

import pytest
from trained import Trained

from sft_audit.session import Report

pytest.importorskip("trl", reason="runs are TRL's")

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
from run_checkpoints import REWARDS, make_probes, reinforce, rows_of, watched

pytestmark = [
    pytest.mark.long,
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
STEPS, SAVES = 40, 2


@pytest.fixture(scope="module")
def reports(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    folder = tmp_path_factory.mktemp("runs")
    probes = make_probes(folder / "probes")
    runs = {name: reinforce(trained.base, folder / name, one, STEPS, SAVES) for name, one in REWARDS.items()}
    return {name: watched(run, probes, trained.base, folder) for name, run in runs.items()}


def found(report: Report) -> set[str]:
    return {code for code in report.counts if code >= "RUN120"}


def test_a_run_that_looks_away_is_told_and_a_sound_one_is_not(reports: dict[str, Report]) -> None:
    assert not any(report.faults for report in reports.values())
    assert {"RUN121", "RUN122"} <= found(reports["blind"])
    assert found(reports["sound"]) == set()
    axes = json.loads((reports["blind"].folder / "verdict.json").read_text())["axes"]
    assert axes["blindness"] == "REVIEW"


def test_both_begin_with_the_same_model(reports: dict[str, Report]) -> None:
    starts = [[row for row in rows_of(one) if row["step"] is None] for one in reports.values()]
    assert [row["value"] for row in starts[0]] == [row["value"] for row in starts[1]]
    assert {row["step"] for row in rows_of(reports["blind"])} == {None, 20, 40}


def test_the_page_shows_them(reports: dict[str, Report]) -> None:
    page = (reports["blind"].folder / "report.html").read_text()
    assert "What the saved models say to the probes" in page
    assert "step 40" in page
