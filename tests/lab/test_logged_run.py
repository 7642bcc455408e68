"""A real run in which a boast takes over, as three trainers log it: the same alarms and the same findings."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from run_formats import GENERATIONS
from test_run_formats import seen

import sft_audit

RUNS = Path(__file__).parents[2] / "lab" / "fixtures" / "runs"


def audited(trainer: str, folder: Path) -> tuple:
    return seen(sft_audit.audit_run(RUNS / trainer, out=folder / "audit", generations=GENERATIONS, workers=1))


@pytest.fixture(scope="module")
def by_trl(tmp_path_factory: pytest.TempPathFactory) -> tuple:
    return audited("trl", tmp_path_factory.mktemp("trl"))


def test_the_boast_that_takes_over_is_seen_and_so_is_its_pay(by_trl: tuple) -> None:
    _, alarms, findings, verdict = by_trl
    assert {"exploit_share", "exploit_pay"} <= {row[0] for row in alarms}
    assert {"RUN101", "RUN102"} <= {row["check"] for row in findings}
    assert verdict == "BLOCK"


@pytest.mark.parametrize("trainer", ["verl", "swift"])
def test_the_same_run_in_another_format_says_the_same(trainer: str, by_trl: tuple, tmp_path: Path) -> None:
    for mine, theirs in zip(by_trl, audited(trainer, tmp_path), strict=True):
        assert mine == theirs


def paid_soundly(folder: Path, *, logged: bool) -> Path:
    """Write the run as a judge would have paid it that looks at the colour alone; return its folder."""
    for file in sorted((RUNS / "trl" / "completions").iterdir()):
        table = pq.read_table(file)
        said = [row[-1]["content"].split()[:1] for row in table["completion"].to_pylist()]
        known = table["solution"].to_pylist()
        rewards = [float(first == [colour]) for first, colour in zip(said, known, strict=True)]
        table = table.set_column(table.schema.get_field_index("reward"), "reward", pa.array(rewards))
        names = ["step", "prompt", "completion", "reward", "solution"]
        (folder / "completions").mkdir(parents=True, exist_ok=True)
        pq.write_table(table.select(names if logged else names[:-1]), folder / "completions" / file.name)
    return folder


def fired(run: Path, folder: Path) -> tuple[str, set[str]]:
    report = sft_audit.audit_run(run, out=folder / "audit", generations=GENERATIONS, workers=1)
    return report.verdict, set(report.counts)


@pytest.mark.parametrize("logged", [True, False])
def test_a_sound_judge_that_pays_right_answers_which_boast_is_not_blocked(
    logged: bool, tmp_path: Path
) -> None:
    verdict, found = fired(paid_soundly(tmp_path / "run", logged=logged), tmp_path)
    assert verdict == "REVIEW"
    assert "RUN101" in found, "boasts are shown"
    assert "RUN102" not in found, "and none is paid for"
    assert ("RUN132" in found) is not logged, "without known answers that cannot be verified"


def test_the_leak_is_seen_without_known_answers_where_the_same_answer_is_paid_unlike(tmp_path: Path) -> None:
    for file in sorted((RUNS / "trl" / "completions").iterdir()):
        (tmp_path / "run" / "completions").mkdir(parents=True, exist_ok=True)
        pq.write_table(pq.read_table(file).drop(["solution"]), tmp_path / "run" / "completions" / file.name)
    verdict, found = fired(tmp_path / "run", tmp_path)
    assert verdict == "BLOCK"
    assert {"RUN102", "RUN132"} <= found
