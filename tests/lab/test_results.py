"""RESULTS.md says what the ledgers say, and no more."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "lab"))

from findings.drawing import drawings
from findings.run import Arm, Runs, read_runs
from findings.tables import DOSED, NO_RUNS, dosed, ed50, tables
from findings.trajectory import Trajectory, Window, read_trajectories, write_trajectories
from inference.dose_response import Dose, dose_response
from invented import LAB, ledger, line
from PIL import Image
from results import filled, stale_figures

WINDOWS = tuple(Window(step, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.6) for step in range(10, 60, 10))
SINGLE = (Trajectory("invented", 0, WINDOWS),)


@pytest.fixture
def runs(tmp_path) -> Runs:
    """Four clean runs; four of leak-90, three of them blind, and two audited; one exploit of a dose."""
    lines = [line("clean", seed, gold=0.9) for seed in range(4)]
    lines += [line("leak-90", seed, gold=0.6 - 0.01 * seed, blind=seed > 0) for seed in range(4)]
    lines += [line("leak-90", seed, data="advised", gold=0.9 + 0.01 * seed) for seed in range(2)]
    lines += [line("rejected-1", 0, exploit=True)]
    return read_runs([ledger(tmp_path / "one.jsonl", lines), tmp_path / "none.jsonl"])


def cells(table: str, *start: str) -> list[str]:
    """Return the cells of the one row that starts so."""
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]
    (found,) = [row for row in rows if tuple(row[: len(start)]) == start]
    return found


def test_the_committed_results_are_what_the_committed_ledgers_give():
    checked = subprocess.run(
        [sys.executable, LAB / "results.py", "--check"], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout) == (0, ""), checked.stdout + checked.stderr


def test_a_result_that_was_edited_by_hand_is_found(tmp_path):
    document = tmp_path / "RESULTS.md"
    document.write_text((LAB / "RESULTS.md").read_text(encoding="utf-8"), encoding="utf-8")
    command = [sys.executable, LAB / "results.py", "--document", document]
    command += ["--ledger", ledger(tmp_path / "some.jsonl", [line("clean", 0), line("clean", 1)])]
    subprocess.run(command, check=True)
    assert subprocess.run([*command, "--check"], check=False).returncode == 0
    document.write_text(document.read_text(encoding="utf-8").replace("0 of 2", "1 of 2"), encoding="utf-8")
    checked = subprocess.run([*command, "--check"], check=False, capture_output=True, text=True)
    assert checked.returncode == 1
    assert "RESULTS.md" in checked.stdout


def test_the_main_table_has_the_arms_and_conditions_that_ran(runs):
    shown = tables(runs, ())["conditions"]
    assert cells(shown, "leak-90")[2:] == [
        "0.58 (0.56 to 0.61)",
        "1.00 (1.00 to 1.00)",
        "0.80 (0.80 to 0.80)",
        "3 of 4 (30 to 95 %)",
        "0 of 2 (0 to 66 %)",
    ]
    assert cells(shown, "clean")[-1] == "", "clean was not audited"
    assert "leak-100" not in shown
    assert "mended" not in shown


def test_failures_are_split_and_tested_against_clean(runs):
    shown = tables(runs, ())["failures"]
    assert cells(shown, "leak-90")[1:6] == ["4", "3", "0", "3", "0"]
    assert cells(shown, "leak-90")[-2:] == ["0.071", "0.071"], "4 of the 56 ways to hack 3 of 8 runs"
    assert cells(shown, "clean")[-2:] == ["", ""]


def test_an_arm_is_held_against_clean_on_the_seeds_that_both_have(runs):
    shown = tables(runs, ())["arms"]
    assert cells(shown, "leak-90", "data cleaned as advised")[-3:] == [
        "2",
        "+0.005 (-0.059 to +0.069)",
        "open",
    ]
    assert cells(shown, "leak-90", "as it is")[-3:] == ["4", "-0.315 (-0.336 to -0.294)", "yes"]
    assert cells(shown, "clean", "as it is")[-3:] == ["", "", ""]


def test_an_arm_is_held_against_clean_under_its_own_reward(tmp_path):
    lines = [
        line("clean", seed, reward=reward, gold=gold)
        for seed in range(3)
        for reward, gold in (("leaky", 0.5), ("sound", 0.9))
    ]
    lines += [line("leak-90", seed, reward="sound", gold=0.9) for seed in range(3)]
    shown = tables(read_runs([ledger(tmp_path / "one.jsonl", lines)]), ())["arms"]
    assert cells(shown, "leak-90", "reward mended")[-3:] == ["3", "+0.000 (+0.000 to +0.000)", "no"]


def test_an_arm_without_a_name_is_shown_as_it_calls_itself(tmp_path):
    shown = tables(read_runs([ledger(tmp_path / "one.jsonl", [line("all", 0, data="washed")])]), ())
    assert cells(shown["arms"], "all")[1] == "data washed, reward leaky"


def test_a_run_that_two_ledgers_have_counts_once(tmp_path):
    paths = [ledger(tmp_path / name, [line("clean", 0)]) for name in ("one.jsonl", "other.jsonl")]
    assert len(read_runs(paths).all) == 1


def test_nothing_is_said_where_nothing_ran():
    shown = tables(Runs(()), ())
    assert all(NO_RUNS.lower() in part.lower() for part in shown.values())
    assert drawings(Runs(()), ()) == []


def test_doses_are_the_conditions_with_one_thing_wrong():
    assert [one.name for one in dosed("leak")] == ["leak-50", "leak-90", "leak-100"]
    names = ["rejected-0.05", "rejected-0.25", "rejected-1", "rejected-5", "rejected-12"]
    assert [one.name for one in dosed("rejected")] == names


@pytest.mark.parametrize(
    ("hacked", "said"),
    [
        ((2, 10, 18), "ED50: 1 % ("),
        ((0, 0, 20), "ED50: between 1 % and 10 % ("),
        ((0, 15, 20), "ED50: between 0.1 % and 1 % ("),
        ((0, 10, 20), "ED50: near 1 %, where just half are hacked ("),
        ((0, 0, 0), "ED50: above 10 % (profile-likelihood interval: 10 % to above all doses)."),
        ((20, 20, 20), "ED50: at or below 0.1 %, the lowest dose tried ("),
        ((18, 10, 2), "there is no ED50"),
    ],
)
def test_what_is_said_of_the_ed50(hacked, said):
    found = [Dose(dose, k, 20) for dose, k in zip((0.1, 1.0, 10.0), hacked, strict=True)]
    assert said in ed50(dose_response(found), found)


def test_marks_must_stand_there_once():
    assert filled("a\n<!-- x -->\nold\n<!-- /x -->\nb", {"x": r"\1"}) == "a\n<!-- x -->\n\\1\n<!-- /x -->\nb"
    with pytest.raises(SystemExit, match="'x'"):
        filled("<!-- x -->", {"x": "new"})


def test_a_figure_is_stale_when_an_outcome_changes(tmp_path, runs):
    drawn = drawings(runs, SINGLE)
    assert [one.name for one in drawn] == ["hacked.png", "trajectories.png"], "one dose draws no curve"
    for one in drawn:
        one.save(tmp_path)
    assert stale_figures(tmp_path, drawn) == []
    (tmp_path / "others.png").write_bytes(b"")
    turned = Runs((replace(runs.all[0], hacked=not runs.all[0].hacked), *runs.all[1:]))
    assert stale_figures(tmp_path, drawings(turned, SINGLE)) == ["hacked.png"]
    assert stale_figures(tmp_path, drawings(runs, ())) == ["trajectories.png"], "it is not to be there"


def test_figures_are_small_and_the_same_each_time(tmp_path):
    conditions = [one.name for kind in DOSED for one in dosed(kind)]
    lines = [line(name, seed, exploit=seed % 3 > 0) for name in ("clean", *conditions) for seed in range(6)]
    runs = read_runs([ledger(tmp_path / "one.jsonl", lines)])
    for folder in ("first", "again"):
        for one in drawings(runs, SINGLE):
            one.save(tmp_path / folder)
    paths = sorted((tmp_path / "first").iterdir())
    assert [path.name for path in paths] == ["dose.png", "hacked.png", "trajectories.png"]
    for path in paths:
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()
        assert path.stat().st_size <= 60 * 1024
        with Image.open(path) as image:
            assert len(image.getcolors()) > 4, "something is drawn"


def test_committed_figures_are_small():
    assert all(path.stat().st_size <= 60 * 1024 for path in (LAB / "figures").glob("*.png"))


def test_trajectories_come_back_as_they_were_written(tmp_path):
    path = tmp_path / "trajectories.json"
    assert read_trajectories(path) == ()
    write_trajectories(path, SINGLE)
    assert read_trajectories(path) == SINGLE


def test_an_arms_runs_are_found_by_data_and_reward(runs):
    assert [one.seed for one in runs.of("leak-90", Arm("advised", "leaky")).all] == [0, 1]
    assert runs.of("leak-90", Arm("advised", "sound")).all == ()
