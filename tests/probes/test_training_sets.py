"""No one trains on a pack: its items are counted in training sets, found by an audit, dropped by `clean`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from mugs import turns

from sft_audit import audit_data, make_probes
from sft_audit.remedies import clean

PROGRAM = Path(sys.executable).parent / "sft-audit"


@pytest.fixture(scope="module")
def pack(mugs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_probes(mugs / "audit", tmp_path_factory.mktemp("packs") / "pack", items=60).folder


def standing(pack: Path, mugs: Path) -> set[str]:
    """Return the ids of the data's rows that ask what the pack asks of the same image."""
    data = json.loads((mugs / "rows.json").read_text())
    rows = [json.loads(line) for line in (pack / "probes.jsonl").read_text().splitlines()]
    asked = ("pair", "caption", "text", "fault")
    places = {row["probe"]["from"]["position"] for row in rows if row["id"].startswith(asked)}
    return {data[at - 1]["id"] for at in places}


def test_an_audit_finds_the_rows_and_clean_drops_them(pack: Path, mugs: Path, tmp_path: Path) -> None:
    options = {"images": mugs / "images", "eval": pack, "select": ("LEK",), "workers": 1}
    report = audit_data(mugs / "rows.json", out=tmp_path / "audit", **options)
    found = report.findings.to_pylist()
    assert report.verdict == "REVIEW"
    assert {one["id"] for one in found} == standing(pack, mugs)
    assert all(
        "and an image of the same content" in one["message"] for one in found if "text" not in one["id"]
    )
    result = clean(tmp_path / "audit", tmp_path / "cleaned", force=True)
    assert result.by_check == {"LEK701": len(found)}
    rest = audit_data(tmp_path / "cleaned" / "rows.json", out=tmp_path / "again", **options)
    assert (rest.verdict, rest.counts) == ("PASS", {})


def test_items_are_counted_in_training_sets(pack: Path, mugs: Path, tmp_path: Path) -> None:
    other = tmp_path / "rl.json"
    other.write_text(json.dumps([{"problem": "Who?", "answer": "me"}]))
    again = make_probes(mugs / "audit", tmp_path / "pack", items=60, sft=mugs / "rows.json", rl=[other])
    assert (again.folder / "pack.json").read_bytes() == (pack / "pack.json").read_bytes()
    assert again.held["sft"].rows == len(standing(pack, mugs))
    assert (again.held["rl"].items, again.held["rl"].rows) == (0, 0)
    assert f"{again.held['sft'].rows} rows must be held out" in again.text()


def test_every_question_of_a_conversation_counts(pack: Path, mugs: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (pack / "probes.jsonl").read_text().splitlines()]
    one = next(row for row in rows if row["id"].startswith("pair"))
    asked = one["conversations"][0]["value"].removeprefix("<image>\n").upper()
    talk = [*turns("<image>\nHello there?", "Hello."), *turns(asked, "Perhaps.")]
    row = {"id": "talk", "image": f"{pack / one['image']}", "conversations": talk}
    (tmp_path / "rows.json").write_text(json.dumps([row]))
    report = audit_data(
        tmp_path / "rows.json", images=pack, eval=pack, select=("LEK701",), out=tmp_path / "audit", workers=1
    )
    assert report.counts == {"LEK701": 1}


def test_images_of_a_training_set_that_cannot_be_read_are_told(
    mugs: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "rows.json").write_bytes((mugs / "rows.json").read_bytes())
    (tmp_path / "empty").mkdir()
    made = make_probes(
        mugs / "audit", tmp_path / "pack", items=60, sft=tmp_path / "rows.json", images=tmp_path / "empty"
    )
    assert made.held["sft"].items == made.counts.get("text", 0)
    assert "images cannot be read, the first" in caplog.text


def test_the_command_makes_a_pack_and_says_what_is_in_it(mugs: Path, tmp_path: Path) -> None:
    command = [PROGRAM, "probes", mugs / "audit", "-o", "pack", "--items", "40", "--sft", mugs / "rows.json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "items: pair" in done.stdout
    assert "rows must be held out" in done.stdout
    assert {path.name for path in (tmp_path / "pack").iterdir()} == {
        "images",
        "pack.json",
        "probes.jsonl",
        "review.html",
    }
    done = subprocess.run(
        [PROGRAM, "probes", tmp_path / "pack", "-o", "again"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_a_changed_pack_stops_the_audit_that_it_is_given_to(pack: Path, mugs: Path, tmp_path: Path) -> None:
    import shutil

    copy = Path(shutil.copytree(pack, tmp_path / "copy"))
    with (copy / "probes.jsonl").open("a") as file:
        file.write("{}\n")
    command = [
        PROGRAM,
        "data",
        mugs / "rows.json",
        "--images",
        mugs / "images",
        "--eval",
        copy,
        "-o",
        "audit",
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False)
    assert done.returncode == 2
    assert "probes.jsonl is not what was frozen" in done.stderr
    assert "Traceback" not in done.stderr
