"""`sft-audit gate` and `sft-audit run` as a user meets them; what is started is a real command."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from audits import piece, sound, write_audit

PROGRAM = Path(sys.executable).parent / "sft-audit"
SHOW = "import os, sys; print(os.getpid(), sys.argv[1:])"


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess:
    command = [str(PROGRAM), *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_audit(tmp_path / "sound", sound())
    write_audit(tmp_path / "broken", sound(INT102=piece("INT102", 20)))
    write_audit(tmp_path / "blind", sound(GRD202=piece("GRD202", 500)))
    write_audit(tmp_path / "part", [piece("INT101")])
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "verdict", "code"),
    [
        (["sound"], "PASS", 0),
        (["judge", "sound"], "PASS", 0),
        (["sound", "part"], "PASS", 0),
        (["blind"], "REVIEW", 0),
        (["blind", "--fail-on", "review"], "REVIEW", 1),
        (["sound", "broken"], "BLOCK", 1),
        (["part"], "UNKNOWN", 3),
        ([], "UNKNOWN", 3),
        (["broken", "--shadow"], "BLOCK", 0),
        (["--shadow", "part"], "UNKNOWN", 0),
    ],
)
def test_the_verdict_and_the_exit_code(folder: Path, arguments: list, verdict: str, code: int) -> None:
    done = run("gate", *arguments, "--json", cwd=folder)
    told = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (code, "")
    assert (told["verdict"], told["exit_code"], told["shadow"]) == (verdict, code, "--shadow" in arguments)


def test_the_terminal_says_that_nothing_is_stopped(folder: Path) -> None:
    done = run("gate", "broken", "--shadow", cwd=folder)
    assert done.stdout.startswith("BLOCK")
    assert "shadow mode: this verdict stops nothing" in done.stdout


def test_every_form_is_written(folder: Path) -> None:
    done = run(
        *("gate", "broken", "--junit", "j.xml", "--markdown", "m.md", "--html", "h.html"),
        *("--gpu-hours", "100", "--price", "2"),
        cwd=folder,
    )
    assert done.returncode == 1
    assert 'failures="1"' in (folder / "j.xml").read_text()
    assert (folder / "m.md").read_text().startswith("# BLOCK")
    assert "200 (100 GPU-hours at 2)" in (folder / "h.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none"], "not an audit folder"),
        (["sound", "--policy", "none.yaml"], "give a policy file"),
        (["sound", "--junit", "none/j.xml"], "choose another file"),
        (["validate", "none.csv"], "give a table of runs"),
    ],
)
def test_a_mistake_is_one_line(folder: Path, arguments: list, message: str) -> None:
    done = run("gate", *arguments, cwd=folder)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert message in done.stderr
    if "validate" not in arguments:
        assert run("gate", *arguments, "--shadow", cwd=folder).returncode == 0


def test_past_runs_are_judged(folder: Path) -> None:
    rows = [*(["sound,good"] * 6), *(["broken,bad"] * 6)]
    (folder / "runs.csv").write_text("\n".join(["audit,outcome", *rows]))
    told = json.loads(run("gate", "validate", "runs.csv", "--json", cwd=folder).stdout)
    assert (told["sensitivity"]["k"], told["sensitivity"]["n"], told["false_blocks"]["k"]) == (6, 6, 0)
    assert told["rank_correlation"]["rho"] == 1
    assert [one["check"] for one in told["thresholds"]] == ["INT102"]
    shown = run("gate", "validate", "runs.csv", cwd=folder)
    assert "sensitivity, bad runs that BLOCK: 6 of 6, 100 %" in shown.stdout
    assert "INT102 share" in shown.stdout


def test_a_command_takes_the_place_of_the_gate_with_its_arguments_untouched(folder: Path) -> None:
    own = [sys.executable, "-c", SHOW, "--config", "x y", "--", "--shadow", "--audit", "broken", ""]
    for words in (["--", *own], own):
        process = subprocess.Popen(
            [PROGRAM, "run", "--audit", "sound", "--audit", "part", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
        )
        out, said = process.communicate(timeout=60)
        assert out.strip() == f"{process.pid} {own[3:]}"
        assert (process.returncode, said.splitlines()[-1]) == (
            0,
            f"sft-audit: PASS; starting {sys.executable}",
        )


@pytest.mark.parametrize(("audit", "code"), [("broken", 1), ("part", 3), ("none", 2)])
def test_a_command_is_not_started_and_shadow_starts_it(folder: Path, audit: str, code: int) -> None:
    command = ["--", sys.executable, "-c", "open('started', 'w'); raise SystemExit(7)"]
    done = run("run", "--audit", audit, *command, cwd=folder)
    assert (done.returncode, done.stdout) == (code, "")
    assert not (folder / "started").exists()
    assert {1: "BLOCK integrity: broken: INT102", 3: "UNKNOWN exploit:", 2: "not an audit folder"}[
        code
    ] in done.stderr
    shadow = run("run", "--audit", audit, "--shadow", *command, cwd=folder)
    assert shadow.returncode == 7
    assert (folder / "started").exists()
    assert "shadow mode" in shadow.stderr


def test_without_an_audit_nothing_is_started(folder: Path) -> None:
    assert run("run", "--", "touch", "started", cwd=folder).returncode == 3
    assert not (folder / "started").exists()


def test_the_exit_code_is_that_of_the_command(folder: Path) -> None:
    assert run("run", "--audit", "blind", "--", "sh", "-c", "exit 42", cwd=folder).returncode == 42


def test_a_command_that_is_not_there_is_one_line(folder: Path) -> None:
    done = run("run", "--audit", "sound", "--", "no-such-trainer", cwd=folder)
    assert done.returncode == 2
    assert (
        done.stderr.splitlines()[-1]
        == "sft-audit: no-such-trainer: no such file or directory; give a command"
    )


def test_a_command_ends_when_its_reader_does(folder: Path) -> None:
    process = subprocess.Popen(
        [PROGRAM, "run", "--audit", "sound", "--", "yes"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    assert process.stdout.readline() == b"y\n"
    process.stdout.close()
    assert process.wait(timeout=30) == -signal.SIGPIPE
