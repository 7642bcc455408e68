"""Faults planted in real photos and drawn scenes, none of them the demonstration's: found, little else."""

import json
import shutil
import sys
from pathlib import Path
from random import Random

import pytest

sys.path.append(str(Path(__file__).parents[1] / "bench"))

from planted import RealSet, Score, coco, measure, nlvr, rejected
from planting import FAULTS, Plot, plant

from sft_audit import audit_data
from sft_audit.check import find_check
from sft_audit.policy import load_policy

EACH = 20
ONE_WORD = "its answers are one word"
SKIPS = {
    ("nlvr", "damaged text"): ONE_WORD,
    ("nlvr", "reward markers"): ONE_WORD,
    ("nlvr", "near-duplicate text"): ONE_WORD,
    ("nlvr", "rejected as target"): "it has no comparisons",
    ("nlvr", "near-duplicate image"): "scenes that differ in one small shape: a limit that the page states",
}
LIMITS = {
    r.check: r.block_above
    for r in load_policy(None).rules
    if r.block_above is not None and find_check(r.check).subject == "data"
}


@pytest.fixture(scope="module", params=[coco, nlvr], ids=["photos", "scenes"])
def scores(
    request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, Score]]:
    real, work = request.param(shared_data), tmp_path_factory.mktemp("planted")
    return real.name, {score.family: score for score in measure(real, EACH, 5, work)}


@pytest.fixture(scope="module")
def photos(shared_data: Path) -> RealSet:
    return coco(shared_data)


@pytest.mark.parametrize("family", FAULTS)
def test_recall_and_precision(scores: tuple[str, dict[str, Score]], family: str) -> None:
    name, measured = scores
    if (name, family) in SKIPS:
        pytest.skip(SKIPS[name, family])
    score = measured[family]
    assert score.planted >= 0.75 * EACH
    assert score.found / score.planted >= 0.95, score.missed
    assert score.right / score.flagged >= 0.95, score.wrong


@pytest.mark.parametrize("family", [name for name, fault in FAULTS.items() if fault.check in LIMITS])
def test_the_gate_blocks(photos: RealSet, family: str, tmp_path: Path) -> None:
    """A tenth more of the rows than the limit have the fault: BLOCK because of it, and not without it."""
    images = tmp_path / "images"
    shutil.copytree(photos.images, images)
    random, check = Random(3), FAULTS[family].check
    items = [item for item in photos.dialect.read(photos.rows) if item.rest["source"] != "sugarcrepe"]
    plot = Plot(images, rejected(photos.preferences), random, photos.dialect)
    sound, each = random.sample(items, 200), round(200 * (LIMITS[check] + 0.1))
    for rows, blocked in ((sound, False), (plant(sound, [family], each, plot).rows, True)):
        photos.dialect.write(tmp_path / "rows.json", rows)
        report = audit_data(
            tmp_path / "rows.json",
            images=images,
            preferences=(photos.preferences,),
            out=tmp_path / "audit",
            select=(check,),
            workers=1,
        )
        assert not report.faults
        reasons = [reason for reason in report.reasons if reason.startswith("BLOCK") and check in reason]
        assert bool(reasons) == blocked, report.reasons
        assert (report.verdict == "BLOCK") == blocked
        assert (report.exit_code == 1) == blocked


def test_every_rule_that_may_block_has_a_planted_fault() -> None:
    """Those that are about a whole source are blocked by the demonstration's faults instead."""
    whole = {"GRD203"}
    assert LIMITS.keys() - {fault.check for fault in FAULTS.values()} <= whole


def test_a_leaking_file_name_blocks(shared_data: Path, tmp_path: Path) -> None:
    """Copy each drawn scene under a name that tells nine answers in ten."""
    rows = [json.loads(line) for line in (shared_data / "nlvr" / "messages.jsonl").read_text().splitlines()]
    (tmp_path / "images").mkdir()
    random = Random(4)
    for number, row in enumerate(rows):
        told = (row["messages"][1]["content"] == "True") != (random.random() < 0.1)
        name = f"{'pos' if told else 'neg'}_{number}.png"
        shutil.copy(shared_data / "nlvr" / row["images"][0], tmp_path / "images" / name)
        row["images"] = [name]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = audit_data(
        tmp_path / "rows.jsonl", images=tmp_path / "images", out=tmp_path / "audit", select=("GRD203",)
    )
    assert report.verdict == "BLOCK", report.reasons
    [found] = report.findings.to_pylist()
    assert "file" in found["message"]
