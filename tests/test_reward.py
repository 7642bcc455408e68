"""`sft-audit reward` as a user meets it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from rows import row, write

import sft_audit
from sft_audit.config import RewardConfig
from sft_audit.example import ANSWERS, SAMPLES
from sft_audit.sample import content_hash
from sft_audit.session import files_beside
from sft_audit.testing import make_images

PROGRAM = Path(sys.executable).parent / "sft-audit"
FUNCTIONS = Path(__file__).parent / "rewards" / "functions"
SOUND, LEAKY, UNSOUND = (
    f"{FUNCTIONS}/sound.py:exact",
    f"{FUNCTIONS}/defective.py:whole_completion",
    f"{FUNCTIONS}/defective.py:compute_score",
)


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess:
    command = [str(PROGRAM), "reward", *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_images(tmp_path / "images")
    write(tmp_path / "rows.json", ANSWERS)
    return tmp_path


def test_the_summary_says_how_much_was_asked_and_what_is_paid(folder: Path) -> None:
    done = run(LEAKY, "--data", "rows.json", "--images", "images", "--answers", 12, cwd=folder)
    verdict = json.loads((folder / "reward-audit" / "verdict.json").read_text())
    card = verdict["card"]
    assert (done.returncode, verdict["subject"], verdict["verdict"]) == (0, "reward", "REVIEW")
    assert card["answers"] == 12
    assert f"12 answers, {card['trials']:,} trials, " in done.stdout
    assert "ms a call (median)" in done.stdout
    assert "unreadable" not in done.stdout
    for rate in (card["false_positive"], card["false_negative"], card["youden"]):
        assert rate["low"] <= rate["value"] <= rate["high"]
        assert rate["low"] < rate["high"]
    assert "Youden's J over all families alike: " in done.stdout
    assert sum(kind["answers"] for kind in card["kinds"]) == 12
    assert "called as trl calls it" in done.stdout
    assert {"report.html", "reward.log", "findings.parquet"} <= {
        path.name for path in (folder / "reward-audit").iterdir()
    }


def test_a_function_that_never_pays_where_the_trainer_calls_it_blocks(folder: Path) -> None:
    done = run(UNSOUND, "--data", "rows.json", "--answers", 8, "--json", cwd=folder)
    assert done.returncode == 1
    assert json.loads(done.stdout)["verdict"] == "BLOCK"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((SOUND,), "no data set is named; give --data DATA"),
        ((SOUND, "--data", "missing.json"), "missing.json"),
        ((SOUND, "--data", "free.json"), "trials are made of yes or no, options, counts, numbers, colours"),
        ((f"{SOUND}ly", "--data", "rows.json"), "sound.py has no exactly; did you mean exact?"),
        (("no.py:reward", "--data", "rows.json"), "no.py: no such file"),
        ((SOUND, "--data", "rows.json", "--trainer", "tlr"), "--trainer tlr: not known; one of"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments: tuple, said: str, folder: Path) -> None:
    write(
        folder / "free.json", [row("<image>\nDescribe it.", "A kitchen in the morning, with a long table.")]
    )
    done = run(*arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (folder / "reward-audit").exists()


def test_the_library_does_the_same(folder: Path) -> None:
    report = sft_audit.audit_reward(
        SOUND, folder / "rows.json", images=folder / "images", out=folder / "out", answers=8
    )
    assert not report.faults
    assert "RWD101" not in report.counts


def test_the_manifest_names_every_file_beside_the_answers(folder: Path) -> None:
    judge, statements, log = folder / "judge.py", folder / "constitution.yaml", folder / "log.json"
    judge.write_text(Path(SOUND.rpartition(":")[0]).read_text())
    statements.write_text("- name: longer\n  drop: true\n")
    write(log, SAMPLES)
    sft_audit.audit_data(folder / "rows.json", out=folder / "sft", workers=1, select=("PRF302",))
    options = {"samples": log, "constitution": statements, "sft_audit": folder / "sft", "answers": 4}
    report = sft_audit.audit_reward(
        f"{judge}:exact", folder / "rows.json", out=folder / "out", workers=1, **options
    )
    beside = json.loads((report.folder / "manifest.json").read_text())["beside"]
    named = (judge, statements, log, folder / "sft" / "findings.parquet")
    assert beside == {str(path): content_hash(path.read_bytes()) for path in named}


def test_a_models_folder_is_known_by_its_weights_and_settings(tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors", "README.md"):
        (tmp_path / name).write_text(name)
    named = {Path(name).name for name in files_beside(RewardConfig(data="x", target=str(tmp_path)))}
    assert named == {"config.json", "model.safetensors"}
    assert not files_beside(RewardConfig(data="x", target="http://127.0.0.1:9/judge"))
    assert not files_beside(RewardConfig(data="x", target="package.module:reward"))
