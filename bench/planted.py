"""Recall and precision on faults planted in real photos and drawn scenes, family by family.

python bench/planted.py [--each 60] [--seed 1] [-o FILE]; needs the real data sets beside the project.
A row counts as found when the family's check names it. A flagged row is right when it has that fault, or is
one of the rows that the fault is about (the copied row, the contradicted one); every other flagged row counts
as wrong, though it may hold a true fault that was in the set before: those are listed, to be judged by eye.
"""

import argparse
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from planting import FAULTS, LLAVA, MESSAGES, Dialect, Item, Planted, Plot, plant

from sft_audit import audit_data
from sft_audit.interval import wilson

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
# Rows that were flagged in the sets as they are, and have the fault: judged by eye, with the reason.
TRUE_BEFORE = {
    (
        "DUP603",
        "ships in the distance behind a grassy marsh with egrets",
    ),  # coco-00229 has it after "Several"
}


@dataclass(frozen=True)
class Score:
    """One family on one set: planted and found, flagged and right, and what was flagged wrongly."""

    family: str
    planted: int
    found: int
    flagged: int
    right: int
    wrong: list[dict]
    missed: list[dict]


@dataclass(frozen=True)
class RealSet:
    """A real data set: its rows' file, the folder that image paths start from, its dialect."""

    name: str
    rows: Path
    images: Path
    dialect: Dialect
    preferences: Path | None = None


def coco(shared: Path) -> RealSet:
    """Return 156 photos with 2,464 questions, captions and statements."""
    folder = shared / "coco"
    return RealSet("coco", folder / "llava.json", folder / "images", LLAVA, folder / "preferences.jsonl")


def nlvr(shared: Path) -> RealSet:
    """Return 989 drawn scenes with a statement each."""
    return RealSet("nlvr", shared / "nlvr" / "messages.jsonl", shared / "nlvr", MESSAGES)


def measure(real: RealSet, each: int, seed: int, work: Path, rows: int | None = None) -> list[Score]:
    """Plant every family in the set at once, audit it, and score each family."""
    images = work / "images"
    shutil.copytree(real.images, images)
    random = Random(seed)
    items = real.dialect.read(real.rows)
    if rows is not None:
        items = random.sample(items, rows)
    plot = Plot(images, rejected(real.preferences), random, real.dialect)
    planting = plant(items, list(FAULTS), each, plot)
    path = work / real.rows.name
    real.dialect.write(path, planting.rows)
    preferences = (real.preferences,) if real.preferences else ()
    report = audit_data(path, images=images, out=work / "audit", preferences=preferences)
    assert not report.faults, "\n".join(report.faults.values())
    assert report.samples == len(planting.rows), (report.samples, len(planting.rows))
    findings = [f for f in report.findings.to_pylist() if f["sample_id"] is not None]
    return [
        score(family, planted, findings, planting.rows)
        for family, planted in planting.families.items()
        if planted.faulty
    ]


def score(family: str, planted: Planted, findings: list[dict], rows: list[Item]) -> Score:
    """Hold the findings of the family's check against the places where it was planted."""
    check = FAULTS[family].check
    flagged = {f["position"]: f["message"] for f in findings if f["check"] == check}
    known = {n for n, row in enumerate(rows, 1) if (check, row.tell) in TRUE_BEFORE}
    right = planted.faulty | planted.about | known
    wrong = [_row(at, rows, message) for at, message in sorted(flagged.items()) if at not in right]
    missed = [_row(at, rows, "not found") for at in sorted(planted.faulty - flagged.keys())]
    found = len(planted.faulty) - len(missed)
    return Score(family, len(planted.faulty), found, len(flagged), len(flagged) - len(wrong), wrong, missed)


def _row(position: int, rows: list[Item], message: str) -> dict:
    row = rows[position - 1]
    shown = row.raw.decode(errors="replace") if row.raw else row.turns
    return {"position": position, "message": message, "images": row.images, "row": shown}


def rejected(preferences: Path | None) -> dict[str, tuple[str, str]]:
    """Return the question and the rejected response known for each image."""
    if preferences is None:
        return {}
    pairs = [json.loads(line) for line in preferences.read_text(encoding="utf-8").splitlines()]
    texts = [(pair["image"], json.loads(pair["text"])) for pair in pairs]
    return {image: (text["question"], text["rejected"]) for image, text in texts}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--each", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", "-o", type=Path, default=Path(__file__).parent / "results" / "planted.md")
    arguments = parser.parse_args()
    lines = [f"# Planted faults, up to {arguments.each} a family", "", *__doc__.splitlines()[2:], ""]
    for real in (coco(SHARED), nlvr(SHARED)):
        with TemporaryDirectory() as work:
            scores = measure(real, arguments.each, arguments.seed, Path(work))
        lines += [f"## {real.name}", "", *table(scores), "", *listed(scores), ""]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


def table(scores: list[Score]) -> list[str]:
    """Return a Markdown table with Wilson's 95 % intervals."""
    head = ["| family | check | planted | recall | flagged | precision |", "|---|---|--:|---|--:|---|"]
    return head + [
        f"| {s.family} | {FAULTS[s.family].check} | {s.planted} | {share(s.found, s.planted)} "
        f"| {s.flagged} | {share(s.right, s.flagged)} |"
        for s in scores
    ]


def share(k: int, n: int) -> str:
    """Return k / n with its interval."""
    low, high = wilson(k, n)
    return f"{k / n if n else 0:.3f} ({low:.3f} to {high:.3f})"


def listed(scores: list[Score]) -> list[str]:
    """Return the rows missed or flagged wrongly, one line each, at most 20 a family."""
    lines = []
    for one in scores:
        rows = [*one.missed, *one.wrong]
        lines += [
            f"- {one.family}, row {row['position']}: {row['message']}; {json.dumps(row['row'])}"
            for row in rows[:20]
        ]
        lines += [f"- {one.family}: {len(rows) - 20} more"] if len(rows) > 20 else []
    return lines


if __name__ == "__main__":
    main()
