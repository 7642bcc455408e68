"""The command line as a user meets it: results on stdout, mistakes in one line on stderr, exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from rows import row, write

from sft_audit.check import all_checks
from sft_audit.testing import make_images

PROGRAM = Path(sys.executable).parent / "sft-audit"


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess:
    command = [str(PROGRAM), *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_images(tmp_path / "images")
    write(tmp_path / "rows.json", [row(), row("<image>\nWhere?", "Indoors, in a kitchen.")])
    return tmp_path


def test_a_sound_set_passes(folder: Path) -> None:
    done = run("data", "rows.json", "--images", "images", "--json", "--workers", 1, cwd=folder)
    result = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(result) == ["verdict", "samples", "malformed", "images", "findings", "reasons", "audit"]
    assert (result["verdict"], result["samples"], result["images"]) == ("PASS", 2, 1)
    names = {
        "audit.duckdb",
        "findings.parquet",
        "report.html",
        "verdict.json",
        "manifest.json",
        "sources.csv",
    }
    assert {path.name for path in (folder / "audit").iterdir()} == names


def test_the_terminal_summary_names_verdict_and_report(folder: Path) -> None:
    done = run("data", "rows.json", "--images", "images", "--workers", 1, cwd=folder)
    assert "PASS" in done.stdout
    assert "report.html" in done.stdout


def test_a_broken_set_blocks(folder: Path) -> None:
    (folder / "rows.json").write_text('[{"conversations": [}]')
    done = run("data", "rows.json", "--json", "--workers", 1, cwd=folder)
    assert done.returncode == 1
    assert json.loads(done.stdout)["verdict"] == "BLOCK"


def test_reviews_can_be_made_to_fail(folder: Path) -> None:
    write(folder / "rows.json", [row(answer=f"Yes, {n}.", id=str(n), score=n) for n in range(30)])
    arguments = ("data", "rows.json", "--images", "images", "--workers", 1, "--select", "PRF301", "--json")
    assert json.loads(run(*arguments, cwd=folder).stdout)["verdict"] == "REVIEW"
    assert run(*arguments, cwd=folder).returncode == 0
    assert run(*arguments, "--fail-on", "review", cwd=folder).returncode == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data"], "give DATA"),
        (["data", "rows.jsn"], "rows.json"),
        (["data", "rows.json", "--select", "CON999"], "CON401"),
        (["data", "rows.json", "--images", "imagse"], "images"),
        (["data", "rows.json", "--format", "lava"], "llava"),
        (["data", "rows.json", "--baseline", "images"], "not an audit folder"),
        (["data", "rows.json", "--policy", "none.yaml"], "give a policy file"),
        (["data", "rows.json", "--preferences", "none.jsonl"], "none.jsonl"),
        (["data", "rows.json", "-o", "images"], "not an audit folder"),
        (["clean", "images", "-o", "repaired"], "not an audit folder"),
        (["explain", "CON41"], "CON401"),
    ],
)
def test_a_mistake_is_one_line_with_the_cure(folder: Path, arguments: list, message: str) -> None:
    done = run(*arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("sft-audit: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_a_file_of_options_is_enough(folder: Path) -> None:
    (folder / "audit.yaml").write_text("data: rows.json\nimages: images/\nworkers: 1\nselect: [DUP]\n")
    done = run("data", "--config", "audit.yaml", "--json", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["samples"] == 2


def test_a_warning_is_told_once_beside_the_result(folder: Path) -> None:
    (folder / "dataset_info.json").write_text(
        json.dumps(
            {"here": {"file_name": "rows.json", "formatting": "sharegpt"}, "[b]far": {"hf_hub_url": "x/y"}}
        )
    )
    done = run("data", ".", "--images", "images", "--workers", 1, "--select", "DUP", "--json", cwd=folder)
    assert json.loads(done.stdout)["samples"] == 2
    assert done.stderr == "sft-audit: dataset_info.json: data set '[b]far' is on a hub and is not read\n"


@pytest.mark.parametrize("arguments", [["dta"], ["data", "rows.json", "--smaple", "3"]])
def test_a_wrong_command_exits_with_two(folder: Path, arguments: list) -> None:
    done = run(*arguments, cwd=folder)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_every_check_is_listed_and_explained(tmp_path: Path) -> None:
    listed = run("checks", cwd=tmp_path).stdout
    assert [line.split()[0] for line in listed.splitlines()] == list(all_checks())
    page = run("explain", "conflicting-answers", cwd=tmp_path).stdout
    assert page.startswith("# CON401 conflicting-answers\n")


def test_formats_are_listed(tmp_path: Path) -> None:
    assert "llava" in run("formats", cwd=tmp_path).stdout


def test_repair_from_the_command_line(folder: Path) -> None:
    write(
        folder / "rows.json",
        [row(id="a"), row(id="a"), *(row(f"<image>\n{n}?", f"Number {n}.") for n in range(9))],
    )
    run("data", "rows.json", "--images", "images", "--workers", 1, cwd=folder)
    done = run("clean", "audit", "-o", "repaired", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert len(json.loads((folder / "repaired" / "rows.json").read_text())) == 10
