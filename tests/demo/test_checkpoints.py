"""Five checkpoints of one base model: what fine-tuning did is seen, and nothing where it did no harm."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from sft_audit.record.changes import Change, compare
from sft_audit.record.heard import Heard
from sft_audit.record.measures import all_measures
from sft_audit.session import Report

pytest.importorskip("torch", reason="tiny models are trained by torch")
pytest.importorskip("transformers", reason="tiny models are of transformers' classes")

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
sys.path.insert(0, str(Path(__file__).parents[1] / "probes"))
import test_text_only as text_only
from checkpoints import EXPECTED, audited, heard, train_all

pytestmark = pytest.mark.long


@dataclass(frozen=True)
class Five:
    """The folder of the probe pack, and the audit of each checkpoint by its name."""

    pack: Path
    reports: dict[str, Report]


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> Five:
    folder = tmp_path_factory.mktemp("five")
    trained = train_all(folder)
    return Five(trained.pack, {name: audited(trained, name, folder) for name in EXPECTED})


def blocking(report: Report) -> set[str]:
    """Return the codes of the checks that block."""
    rulings = json.loads((report.folder / "verdict.json").read_text())["rulings"]
    return {one["check"] for one in rulings if one["outcome"] == "BLOCK"}


def test_what_did_harm_is_blocked_and_nothing_else(five: Five) -> None:
    assert {name: report.verdict == "BLOCK" for name, report in five.reports.items()} == EXPECTED
    assert not any(report.faults for report in five.reports.values())
    assert not any(report.verdict == "UNKNOWN" for report in five.reports.values())


def test_each_is_blocked_for_what_was_done_to_it(five: Five) -> None:
    assert {"CKP121", "CKP122"} <= blocking(five.reports["blind"])
    assert {"CKP111", "CKP122"} <= blocking(five.reports["drifted"])
    assert "CKP121" not in blocking(five.reports["drifted"])  # it looks, though it sees little
    for name in ("blind", "drifted"):
        axes = json.loads((five.reports[name].folder / "verdict.json").read_text())["axes"]
        assert axes["blindness"] == "BLOCK"
        assert axes["exploit"] == axes["integrity"] == "PASS"


def test_a_rotated_tower_is_told_and_not_blamed(five: Five) -> None:
    report = five.reports["rotated"]
    found = [
        (check, severity)
        for check, severity in zip(
            *(report.findings[name].to_pylist() for name in ("check", "severity")), strict=True
        )
        if check.startswith("CKP11")
    ]
    assert found == [("CKP112", "info")]
    assert blocking(report) == set()


def half(five: Five) -> dict[str, Change | None]:
    """Hold seeing against blind on every second item of the pack, measure by measure."""

    def every_second(name: str) -> Sequence[Heard]:
        return [one for at, one in enumerate(heard(five.reports[name])) if at % 2]

    blind, seeing = every_second("blind"), every_second("seeing")
    return {one.name: compare(one, one.units(blind), one.units(seeing)) for one in all_measures(())}


@pytest.mark.parametrize("measure", ["accuracy", "paired_accuracy", "unmoved"])
def test_half_of_the_pack_separates_seeing_from_blind(five: Five, measure: str) -> None:
    change = half(five)[measure]
    assert change is not None
    assert change.p < 1e-6
    assert change.high < 0 if measure == "unmoved" else change.low > 0


def test_the_text_alone_does_not_beat_chance_on_the_pack(five: Five) -> None:
    text_only.test_the_text_alone_does_not_beat_chance_on_the_demonstrations_pack(five.pack.parent)
