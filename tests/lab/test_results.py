"""RESULTS.md says what the ledgers say, and no more."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "lab"))

from expected import EXPECTED, LOOKED_AT
from findings.arms import SAME_RUN
from findings.denied import denied_table
from findings.detection import NO_SETS, detection_table
from findings.doses import DOSED, dosed, ed50
from findings.drawing import drawings
from findings.markdown import NO_RUNS
from findings.repairs import repairs_table
from findings.run import Arm, Runs, read_runs
from findings.tables import tables
from findings.trajectory import Trajectory, Window, read_trajectories, write_trajectories
from inference.dose_response import Dose, dose_response
from invented import LAB, ledger, line
from PIL import Image
from results import filled, missing_figures, stale_figures

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
    lines = [line(name, seed) for name in ("clean", "leak-50", "leak-90") for seed in range(2)]
    command += ["--ledger", ledger(tmp_path / "some.jsonl", lines)]
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


def test_failures_are_split_by_way_and_by_what_was_there_before_rl(tmp_path):
    lines = [
        line("leak-90", 0, blind_before=True, blind=True),
        line("leak-90", 1, blind_before=True),
        line("leak-90", 2, exploit=True),
        line("leak-90", 3),
    ]
    shown = tables(read_runs([ledger(tmp_path / "one.jsonl", lines)]), ())
    assert cells(shown["failures"], "leak-90")[1:] == ["4", "2", "1", "1", "2", "0", "1", "2", "1", "0"]
    assert cells(shown["before"], "leak-90")[-1] == "0.11 (0.11 to 0.11)", "0.1 of 0.9 without the image"


def test_conditions_are_tested_against_clean_as_if_all_five_had_run(runs):
    """4 of the 56 ways to hack 3 of 8 runs; 1 of the 8 ways in which 3 coins fall."""
    shown = tables(runs, ())["tests"]
    assert cells(shown, "leak-90")[1:] == ["0.071", "0.36", "4", "3", "0", "0.12", "0.62"]
    assert "clean" not in shown.partition("leak-90")[2]


def test_a_run_under_two_names_is_counted_and_compared_once(tmp_path):
    lines = [line("clean", seed, gold=0.9 + 0.01 * seed) for seed in range(2)]
    lines += [
        line("clean", seed, data="advised", gold=0.9 + 0.01 * seed) | {"same_as": "x"} for seed in (0, 1)
    ]
    lines += [line("leak-90", 0, gold=0.5), line("leak-90", 0, reward="sound", gold=0.5)]
    shown = tables(read_runs([ledger(tmp_path / "one.jsonl", lines)]), ())
    assert "6 runs of up to 2 of 20 planned seeds (audited arms: 2 of 10" in shown["runs"]
    assert "3 of them are the same run under another name: 2 copied" in shown["runs"]
    assert "and 1 that ended the same" in shown["runs"]
    assert "Different runs: 3." in shown["runs"]
    assert cells(shown["arms"], "clean", "data cleaned as advised")[2:4] == ["2", "2"]
    assert cells(shown["arms"], "clean", "data cleaned as advised")[-2:] == [SAME_RUN, SAME_RUN]
    assert cells(shown["arms"], "leak-90", "reward mended")[2:4] == ["1", "1"]
    assert cells(shown["conditions"], "leak-90")[-1] == "0 of 1 (0 to 79 %), † 1"


def test_seeds_that_were_looked_at_are_told_apart(tmp_path):
    seeds = range(LOOKED_AT - 2, LOOKED_AT + 1)
    lines = [line("all", seed, data="advised", exploit=seed < LOOKED_AT) for seed in seeds]
    shown = tables(read_runs([ledger(tmp_path / "one.jsonl", lines)]), ())["together"]
    hacked = ["2 of 3 (21 to 94 %)", "9 to 99 %", "0 of 1 (0 to 79 %)", "0 to 98 %"]
    assert cells(shown, "data cleaned as advised")[4:] == hacked


@pytest.mark.parametrize(("hacked", "said"), [(2, "at most 15 %: shown"), (3, "at most 15 %: not shown")])
def test_what_was_asked_of_the_advised_arm_is_answered(tmp_path, hacked, said):
    """The upper end of Clopper and Pearson's interval of 2 of 50 is 13.7 %, of 3 of 50 16.5 %."""
    names = ("leak-90", "leak-100", "rejected-5", "text-80", "all")
    lines = [line("clean", seed, gold=0.9) for seed in range(10)]
    lines += [
        line(
            name,
            seed,
            data="advised",
            gold=0.5 if name == "all" else 0.89,
            exploit=name == "all" and seed < hacked,
        )
        for name in names
        for seed in range(10)
    ]
    shown = tables(read_runs([ledger(tmp_path / "one.jsonl", lines)]), ())["asked"]
    assert "below clean in 4 of 5 conditions (leak-90, leak-100, rejected-5, text-80); " in shown
    assert f"{hacked} of 50 runs hacked, {said}." in shown


def seen(condition: str, seed: int, wounds: list[int], faults: list[str] | None = None, **more) -> dict:
    """Return an invented line of a set that was audited: 10 rows planted, 8 flagged, 6 of them planted."""
    counts = {"planted_rows": 10, "flagged_rows": 8, "hits": 6} if condition != "clean" else {}
    none = {"planted_rows": 0, "flagged_rows": 0, "hits": 0, "verdict": "PASS"}
    about = {"key": f"{condition}-{seed}", "condition": condition, "seed": seed}
    found = {
        "wounds": wounds,
        "faults": faults or [],
        "seen": EXPECTED[condition].seen_in(wounds, faults or []),
    }
    return none | about | found | counts | more


def test_what_was_named_is_told_by_condition(tmp_path):
    lines = [seen("rejected-5", 0, [2]), seen("rejected-5", 7, [1], ["BAL901"])]
    lines += [seen("clean", 0, []), seen("clean", 19, []), seen("clean", 20, [1], verdict="REVIEW")]
    shown = detection_table(ledger(tmp_path / "sets.jsonl", lines))
    assert cells(shown.partition("\n\n")[0], "rejected-5")[1:] == [
        "wound 2",
        "2",
        "1 of 2 (9 to 91 %)",
        "0 of 1 (0 to 79 %)",
        "BAL901: 1, wound 1: 1",
        "0.60",
        "0.75",
    ]
    assert "in 1 of 3 (6 to 79 %) clean sets; in 1 of 1 (21 to 100 %) of those not looked at" in shown
    assert "PASS 2, REVIEW 1" in shown
    assert detection_table(tmp_path / "none.jsonl") == NO_SETS


def test_a_wound_that_is_named_after_sft_is_told_apart(tmp_path):
    told = {"denied": 0, "surely": 0, "judged": 0, "named": 0, "named_wrong": 0, "product": "a"}
    seen = {"surely": 50, "judged": 500, "named": 50, "named_wrong": 45}
    asked = ledger(
        tmp_path / "asked.jsonl",
        [
            told | {"key": "clean-0", "condition": "clean", "seed": 0, "raised": False},
            told | seen | {"key": "mislabelled-0", "condition": "mislabelled", "seed": 0, "raised": True},
            told | seen | {"key": "mislabelled-1", "condition": "mislabelled", "seed": 1, "raised": True},
        ],
    )
    detected = ledger(
        tmp_path / "detected.jsonl",
        [
            {"key": f"{name}-0", "condition": name, "seed": 0, "seen": name != "mislabelled"}
            for name in ("clean", "mislabelled", "leak-90")
        ],
    )
    told_so = denied_table(asked, detected)
    assert "| mislabelled | 2 | 2 of 2 (34 to 100 %) | 1 of 1 (21 to 100 %) | 10.0 % | 90 of 100 |" in told_so
    assert "| clean | 1 | 0 of 1 (0 to 79 %) |  | 0 | 0 of 0 |" in told_so
    assert "named in 1 of 2 (9 to 91 %) sets by the audit of the data, in 2 of 2 (34 to 100 %)" in told_so


def test_sets_that_other_versions_audited_are_told(tmp_path):
    lines = [seen("clean", 0, []), *(seen("clean", seed, [], product="abc") for seed in (1, 2))]
    assert "Sets audited: 2 by abc." in detection_table(ledger(tmp_path / "one.jsonl", lines[1:]))
    shown = detection_table(ledger(tmp_path / "two.jsonl", lines))
    assert "More than one version" in shown
    assert "2 by abc, 1 by a version that is not in the line" in shown


def test_a_set_that_is_reinforced_twice_is_repaired_once(tmp_path):
    wounds = {"audit": {"wounds": [1, 2]}, "after": {"wounds": [2]}}
    counts = {"planted": 10, "removed": 16, "sound_removed": 6, "rewritten": 4, "sound_rewritten": 3}
    about = counts | wounds | {"planted_left": {"leak": 2}, "rebalanced": True}
    lines = [line("all", 0, data="advised", reward=one) | {"about": about} for one in ("leaky", "sound")]
    lines += [line("all", 1, data="advised") | {"about": about | {"removed": 14}}]
    shown = repairs_table(ledger(tmp_path / "one.jsonl", lines))
    assert cells(shown.partition("\n\n")[0], "all", "advised")[2:] == [
        *("2", "10", "15 (6)", "4 (3)", "2", "2 of 2", "1: 2, 2: 2", "2: 2")
    ]
    assert "1 of 2 sets had more than 1.5 times the planted rows removed." in shown


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
    assert all(NO_RUNS.lower() in part.lower() for name, part in shown.items() if name != "asked")
    assert shown["asked"] == "No audited runs yet."
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


def test_a_kind_of_dose_is_drawn_without_the_other(tmp_path):
    lines = [
        line(name, seed, exploit=seed > 0) for name in ("clean", "leak-50", "leak-90") for seed in (0, 1)
    ]
    drawn = drawings(read_runs([ledger(tmp_path / "one.jsonl", lines)]), ())
    assert [one.name for one in drawn] == ["hacked.png", "dose.png"]
    assert len(drawn[1].draw().axes) == 1


def test_a_figure_that_is_shown_and_is_not_there_is_found(tmp_path):
    document = tmp_path / "RESULTS.md"
    document.write_text("![one](figures/one.png)\n[no figure](figures/two.png)", encoding="utf-8")
    assert missing_figures(document) == ["figures/one.png"]
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "one.png").touch()
    assert missing_figures(document) == []


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
