"""The demonstration: a sound set, known faults planted in it, and the whole run."""

import ast
import io
import json
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from PIL import Image

from sft_audit import AuditError, demo
from sft_audit.check import all_checks
from sft_audit.demo import DemoResult, render, run_demo
from sft_audit.demo.bed import Planted
from sft_audit.demo.compare import CHECK_OF, flagged_but_not_planted, found_against_planted
from sft_audit.demo.dataset import DataSet, make_data_set, write_rows
from sft_audit.demo.plant import FAULTS, WHOLE, plant_faults
from sft_audit.demo.row import PICTURE, Row
from sft_audit.demo.scenes import COLOURS, make_scene

pytest.importorskip("skimage", reason="the demonstration's photos come with scikit-image")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sound") / "images"


@pytest.fixture(scope="module")
def sound(images: Path) -> DataSet:
    return make_data_set(images, Random(7))


@pytest.fixture(scope="module")
def faulty(images: Path, sound: DataSet) -> tuple[list[Row], list[Planted]]:
    return plant_faults(sound.rows, sound.comparisons, images, Random(7))


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> DemoResult:
    return run_demo(tmp_path_factory.mktemp("demo") / "out", workers=2)


def test_planting_knows_nothing_of_the_checks() -> None:
    for name in ("plant", "bed", "row", "dataset", "questions", "scenes", "photos"):
        text = (Path(demo.__file__).parent / f"{name}.py").read_text(encoding="utf-8")
        froms = [node.module for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
        assert not [m for m in froms if m.startswith(("sft_audit.check", "sft_audit.record"))]
        assert not [code for code in all_checks() if code in text]


def test_sound_rows_have_their_images_and_one_placeholder_for_each(sound: DataSet, images: Path) -> None:
    assert 1000 <= len(sound.rows) <= 2000
    assert len({row.id for row in sound.rows}) == len(sound.rows)
    for row in sound.rows:
        assert row.turns[0][1].count(PICTURE) == len(row.images)
        assert [role for role, _ in row.turns] == ["human", "gpt"] * (len(row.turns) // 2)
        assert row.answer.strip()


def test_sound_answers_are_balanced(sound: DataSet) -> None:
    for source in ("existence", "position", "archive", "survey", "quiz", "photo-existence"):
        answers = Counter(row.answer for row in sound.rows if row.source == source)
        assert set(answers) == {"Yes", "No"}
        assert 0.35 < answers["Yes"] / answers.total() < 0.65, source
    for source, most in (("colour", len(COLOURS)), ("count", 5), ("choice", 4)):
        answers = Counter(row.answer for row in sound.rows if row.source == source)
        assert len(answers) == most
        assert max(answers.values()) / answers.total() < 0.4, source


def test_sound_answers_agree_with_each_other(sound: DataSet) -> None:
    told: dict[tuple[object, ...], str] = {}
    for row in sound.rows:
        if row.images and len(row.turns) == 2 and row.source != "photo-captions":
            assert told.setdefault((row.images, row.question), row.answer) == row.answer


def test_a_scene_is_what_it_says() -> None:
    for seed in range(50):
        scene = make_scene(Random(seed))
        assert 1 <= scene.count(scene.shapes[0].kind) <= 5
        assert len({(shape.column, shape.row) for shape in scene.shapes}) == len(scene.shapes)


def test_every_fault_is_planted_as_often_as_it_says(faulty: tuple[list[Row], list[Planted]]) -> None:
    rows, truth = faulty
    planted = Counter(one.fault for one in truth)
    assert planted == {name: times for name, (times, _) in FAULTS.items()} | dict.fromkeys(WHOLE, 1)
    in_rows = [one for one in truth if one.position is not None]
    assert len({one.position for one in in_rows}) == len(in_rows)
    assert all(rows[one.position - 1].id == one.row for one in in_rows)


def test_every_fault_has_its_check_and_every_check_its_fault() -> None:
    assert set(CHECK_OF) == set(FAULTS) | set(WHOLE)
    data = {code for code, one in all_checks().items() if one.subject == "data"}
    assert set(CHECK_OF.values()) <= data


def test_rows_that_are_read_are_those_that_were_written(sound: DataSet, tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.json", sound.rows)
    read = json.loads((tmp_path / "rows.json").read_text(encoding="utf-8"))
    assert [row["id"] for row in read] == [row.id for row in sound.rows]
    assert [row["conversations"][-1]["value"] for row in read] == [row.answer for row in sound.rows]


def test_equal_seeds_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        demo.make_faulty_data_set(tmp_path / name, 11)
    files = [sorted(p.relative_to(tmp_path / n) for p in (tmp_path / n).rglob("*.*")) for n in ("one", "two")]
    assert files[0] == files[1]
    for file in files[0]:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_renamed_images_tell_nine_answers_in_ten(
    faulty: tuple[list[Row], list[Planted]], images: Path
) -> None:
    rows = [row for row in faulty[0] if row.source == "archive"]
    told = [row.images[0].startswith("with-") == (row.answer == "Yes") for row in rows]
    assert 0.89 <= sum(told) / len(told) <= 0.91
    for row in rows[:5]:
        Image.open(images / row.images[0]).load()


def test_comparison_counts_found_left_and_stray_rows() -> None:
    truth = [
        Planted("answer is empty", "a", 1, "s"),
        Planted("answer is empty", "b", 2, "s"),
        Planted("row is repeated", "c", 4, "s", ("d",)),
        Planted("answers are lopsided", None, None, "t"),
        Planted("comma is missing", None, None, ""),
    ]

    def finding(check: str, position: int | None, row: str | None, about: str = "") -> dict[str, object]:
        return {"check": check, "position": position, "id": row, "sample_id": row, "evidence": about}

    before = [
        *(finding("INT106", n, row) for n, row in ((1, "a"), (4, "c"), (6, "f"))),
        *(finding("DUP601", n, row) for n, row in ((3, "d"), (4, "c"))),
        finding("BAL901", None, None, '{"key": "t/yes_no", "source": "t"}'),
        finding("BAL901", 5, "e"),
    ]
    lines = {line.fault: line for line in found_against_planted(truth, before, [finding("DUP601", 9, "c")])}
    assert (lines["answer is empty"].planted, lines["answer is empty"].found) == (2, 1)
    assert (lines["row is repeated"].found, lines["row is repeated"].left) == (1, 1)
    assert (lines["answers are lopsided"].found, lines["answers are lopsided"].left) == (1, 0)
    assert lines["comma is missing"].found == 0
    strays = flagged_but_not_planted(truth, before, ["s", "s", "s", "s", "t", "s"])
    assert [(s.check, s.in_other_faults, s.in_sound_rows) for s in strays] == [("INT106", 1, 1)]


@pytest.mark.parametrize(
    ("fault", "source", "check", "key", "found"),
    [
        ("comma is missing", "", "INT101", "missing_comma@17", 1),
        ("comma is missing", "", "INT101", "bom@0", 0),
        ("file names tell the answer", "archive", "GRD203", "file name", 1),
        ("file names tell the answer", "archive", "GRD203", "id", 0),
        ("file names tell the answer", "arch", "GRD203", "file name", 0),
        ("answers are lopsided", "archive", "BAL901", "archive/yes_no", 1),
        ("answers are lopsided", "survey", "BAL901", "archive/yes_no", 0),
    ],
)
def test_a_finding_about_the_whole_counts_for_the_fault_that_it_names(
    fault: str, source: str, check: str, key: str, found: int
) -> None:
    evidence = json.dumps({"key": key, "measured": [{"source": "archive"}]})
    finding = {"check": check, "position": None, "id": None, "sample_id": None, "evidence": evidence}
    truth = [Planted(fault, None, None, source)] * 2
    lines = {line.fault: line for line in found_against_planted(truth, [finding], [])}
    assert (lines[fault].found, lines[fault].left) == (found, 0)


def test_a_foreign_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(AuditError, match="not a demonstration"):
        run_demo(tmp_path)
    assert (tmp_path / "thesis.tex").exists()


def test_without_scikit_image_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(AuditError, match=r"pip install 'sft-audit\[demo\]'"):
        run_demo(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_every_row_is_accounted_for(result: DemoResult) -> None:
    assert result.before.samples == len((result.folder / "data" / "rows.json").read_bytes().splitlines()) - 2
    assert not result.before.faults
    assert not result.after.faults


def test_nearly_every_fault_is_found(result: DemoResult) -> None:
    """What is not found are limits that the checks' pages state."""
    allowed = {
        "two answers to one question": 4,  # red and purple, green and yellow: people mix them up
        "row is repeated with a small change": 3,  # a replaced word is another answer
        "image is saved again": 2,  # a drawing's hard edges, saved again, differ more than a photo's
    }
    missed = {line.fault: line.planted - line.found for line in result.lines}
    assert {fault: n for fault, n in missed.items() if n > allowed.get(fault, 0)} == {}


def test_few_sound_rows_are_flagged(result: DemoResult) -> None:
    """What the quiz teaches about its shapes makes some of the other questions about them guessable, too."""
    flagged = {stray.check: stray.in_sound_rows for stray in result.strays if stray.in_sound_rows}
    assert flagged.pop("GRD202", 0) < 0.05 * result.before.samples
    assert sum(flagged.values()) <= 5, flagged


def test_cleaning_helps(result: DemoResult) -> None:
    assert sum(line.left for line in result.lines) < 0.6 * sum(line.found for line in result.lines)
    assert result.before.verdict == "BLOCK"


def test_it_runs_again_in_its_own_folder_and_can_be_shown(result: DemoResult) -> None:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=100)
    console.print(render(result))
    shown = console.file.getvalue()
    assert "Found against planted" in shown
    assert "report.html" in shown
    assert (result.folder / "audit" / "report.html").is_file()


def test_the_leaky_reward_function_blocks_on_the_exploit_axis_and_the_sound_one_does_not(
    result: DemoResult,
) -> None:
    axes = {name: gate.axes["exploit"] for name, gate in result.gates.items()}
    axes.pop("blind", None)  # the sound function again
    assert axes == {"sound": "REVIEW", "leaky": "BLOCK"}  # a few reward markers are left for people to decide
    assert result.rewards["sound"].counts.get("RWD101", 0) == 0
    assert "RWD116" not in result.rewards["sound"].counts
    assert "claims_verified" in str(result.gates["leaky"].reasons)
    for name in axes:
        assert "may rl " in (result.folder / f"gate-{name}.html").read_text().lower()


def test_the_blind_model_blocks_on_the_blindness_axis_and_the_seeing_one_passes(result: DemoResult) -> None:
    pytest.importorskip("torch", reason="the demonstration's models are trained by torch")
    assert result.models is not None
    seeing, blind = (result.models.checkpoints[name] for name in ("seeing", "blind"))
    assert (seeing.verdict, blind.verdict) == ("PASS", "BLOCK")
    told = {one["check"]: one for one in blind.evidence}
    assert told["CKP121"]["score"] > 0.8
    assert told["CKP122"]["findings"] == 1
    assert set(result.gates) == {"sound", "leaky", "blind"}
    runs = set() if result.runs is None else {"run"}
    subjects = {name: {audit.subject for audit in gate.audits} for name, gate in result.gates.items()}
    three = {"data", "reward", "checkpoint"}
    assert subjects == {"sound": three | runs, "leaky": three | runs, "blind": three}
    assert "CKP121" in str(result.gates["blind"].reasons)
    assert "CKP121" not in str(result.gates["sound"].reasons)


def test_the_run_with_the_leaky_reward_function_blocks_and_the_other_ends_without_exploits(
    result: DemoResult,
) -> None:
    pytest.importorskip("trl", reason="the demonstration's models are reinforced by TRL")
    assert result.runs is not None
    sound, leaky = (result.runs.runs[name] for name in ("sound", "leaky"))
    assert "RUN102" not in sound.counts
    assert leaky.verdict == "BLOCK"
    assert {"RUN101", "RUN102"} <= leaky.counts.keys()
    told = [json.loads(line) for line in (leaky.folder.parent / "alarms.jsonl").read_text().splitlines()]
    after = json.loads((leaky.folder / "verdict.json").read_text())["run"]["alarms"]
    assert [(one["measure"], one["step"]) for one in told] == [(one["measure"], one["step"]) for one in after]
    assert any(one["measure"] == "exploit_pay" and one["step"] < 20 for one in told)


def test_no_item_of_the_probes_was_trained_on(result: DemoResult) -> None:
    pytest.importorskip("torch", reason="the demonstration's models are trained by torch")
    rows = json.loads((result.folder / "models" / "world" / "rows.json").read_text())
    kept = {
        row["id"] for row in json.loads((result.folder / "models" / "training" / "rows.json").read_text())
    }
    items = [
        json.loads(line) for line in (result.folder / "probes" / "probes.jsonl").read_text().splitlines()
    ]
    asked = {
        rows[one["probe"]["from"]["position"] - 1]["id"] for one in items if not one["probe"].get("derived")
    }
    assert len(asked) > 200
    assert not asked & kept
