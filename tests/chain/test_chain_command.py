"""`sft-audit chain` and its twin in Python, as a user meets them."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from audits import piece, write_audit
from pipelines import COUNTS, JUDGE, write
from rich.console import Console

from sft_audit import AuditError, chain_error
from sft_audit.report import chain as report

PROGRAM = Path(sys.executable).parent / "sft-audit"
LOGGED = {
    "stages": {"find": COUNTS, "read": None},
    "verifiers": {"judge": JUDGE},
    "pipeline": {
        "series": ["find", {"vote": "read", "n": 3}, {"verify": "find", "by": "judge", "caught": "stop"}]
    },
}


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess:
    command = [str(PROGRAM), "chain", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "100"}
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, timeout=120, check=False, env=environment
    )


def shown(found) -> str:
    page = StringIO()
    Console(width=200, file=page).print(report.summary(found))
    return page.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "pipeline.yaml", LOGGED)
    rows = []
    for t in range(40):
        rows.append({"trajectory": t, "step": 1, "tool": "find", "right": t % 10 > 0})
        rows += [
            {"trajectory": t, "step": 2, "model": "read", "right": (t + vote) % 7 > 1} for vote in range(3)
        ]
        rows.append({"trajectory": t, "step": 3, "tool": "fnid", "right": True})
    rows.append({"trajectory": 99, "step": 1, "tool": "find"})
    text = "".join(json.dumps(row) + "\n" for row in rows) + '{"trajectory": 100, "st'
    write(tmp_path / "runs.jsonl", text)
    return tmp_path


def test_the_command_prints_what_the_twin_returns(folder: Path) -> None:
    done = run("pipeline.yaml", "--trajectories", "runs.jsonl", "--json", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    found = chain_error(folder / "pipeline.yaml", folder / "runs.jsonl")
    assert result["systems"][0]["error"]["value"] == found.systems[0].error.value
    assert result["rates"]["read"]["n"] == 120
    assert result["correlations"]["read"]["items"] == 40
    assert result["trajectories"]["unjudged"] == 1
    assert result["trajectories"]["unknown_stages"] == {"fnid": 40}
    assert result["trajectories"]["not_read"] == {"cut in mid-line": {"lines": 1, "first": 202}}
    assert result["draws"] == 10_000


def test_the_terminal_says_all_of_it(folder: Path) -> None:
    done = run("pipeline.yaml", "--trajectories", "runs.jsonl", cwd=folder)
    assert done.returncode == 0
    for said in (
        "no right answer",
        "stopped",
        "p^n",
        "mend first",
        "fnid (40)",
        "cut in mid-line",
        "votes on read",
    ):
        assert said in done.stdout


def test_what_is_unknown_is_shown_at_both_ends(tmp_path: Path) -> None:
    content = {"stages": {"a": COUNTS}, "pipeline": {"vote": "a", "n": 3}}
    text = shown(chain_error(write(tmp_path / "p.yaml", content)))
    assert "if errors are independent" in text
    assert "if errors are fully correlated" in text
    assert "how correlated errors are in the 3 votes on a" in text


def test_a_mistake_is_one_line_and_exit_code_2(folder: Path) -> None:
    for arguments in (["none.yaml"], ["pipeline.yaml"], ["pipeline.yaml", "--trajectories", "none.jsonl"]):
        done = run(*arguments, cwd=folder)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert done.stderr.startswith("sft-audit: ")


def test_a_rate_comes_from_a_finished_audit(tmp_path: Path) -> None:
    audit = write_audit(tmp_path / "audit", [piece("GRD202", k=30, n=600), piece("CON401", state="crashed")])
    content = {"stages": {"a": {"audit": str(audit), "check": "grd202"}}, "pipeline": "a"}
    found = chain_error(write(tmp_path / "p.yaml", content))
    assert (found.rates["a"].k, found.rates["a"].n) == (30, 600)
    assert found.systems[0].error.value == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("check", "said"),
    [("GRD203", "did you mean GRD202?"), ("CON401", "is crashed"), ("CKP121", "is about the whole")],
)
def test_an_audit_that_does_not_tell_the_rate_is_a_mistake(tmp_path: Path, check: str, said: str) -> None:
    evidence = [
        piece("GRD202", k=30, n=600),
        piece("CON401", state="crashed"),
        piece("CKP121", k=0, n=600, findings=1, score=0.3),
    ]
    audit = write_audit(tmp_path / "audit", evidence)
    content = {"stages": {"a": {"audit": str(audit), "check": check}}, "pipeline": "a"}
    with pytest.raises(AuditError, match=said.replace("?", r"\?")):
        chain_error(write(tmp_path / "p.yaml", content))
