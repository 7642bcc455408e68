"""Runs that are run again are held against those of the ledger."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "lab"))

from invented import line
from reproduce import TOLERANCE, report, within


def table(**changed) -> list[dict]:
    """Return three seeds of two conditions; `changed` is of seed 0 of leak-90."""
    return [
        *(line("clean", seed) for seed in range(3)),
        *(line("leak-90", seed, **(changed if seed == 0 else {})) for seed in range(3)),
    ]


def test_equal_runs_are_equal_whatever_the_clock_says(capsys):
    later = [one | {"seconds": 99.0} for one in table()]
    assert not report(table(), later)
    assert "6 of 6 runs are equal in every figure." in capsys.readouterr().out


@pytest.mark.parametrize(("moved", "beyond"), [(2.9 * TOLERANCE, False), (3.1 * TOLERANCE, True)])
def test_a_mean_of_three_seeds_may_move_by_the_tolerance(moved, beyond, capsys):
    assert report(table(), table(gold=0.9 - moved)) is beyond
    said = capsys.readouterr().out
    assert "5 of 6 runs are equal" in said
    assert "leak-90, leaky reward: mean gold: 0.900, now" in said
    assert ("BEYOND" in said) is beyond


def test_one_run_may_turn_and_two_may_not(capsys):
    assert not report(table(), table(blind=True))
    assert "hacked runs, 1 changed: 0.000, now 1.000: within tolerance" in capsys.readouterr().out
    assert report([line("all", seed, blind=True) for seed in (0, 1)], [line("all", seed) for seed in (0, 1)])


def test_runs_that_turn_both_ways_do_not_hide_one_another():
    was = [line("all", seed, blind=seed == 0) for seed in (0, 1)]
    now = [line("all", seed, blind=seed == 1) for seed in (0, 1)]
    assert report(was, now)


def test_a_missing_run_is_no_reproduction(capsys):
    assert report(table(), table()[:-1])
    assert "leak-90-as-is-2-leaky: not run again" in capsys.readouterr().out
    assert report([], [])


def test_another_torch_is_told(capsys):
    assert not report(table(), [one | {"torch": "newer"} for one in table()])
    assert "torch newer on one side alone" in capsys.readouterr().out


def test_only_the_first_seeds_of_the_main_table_are_compared():
    lines = [*(line("clean", seed) for seed in range(5)), line("rejected-12", 0)]
    assert [one["seed"] for one in within(lines, 3)] == [0, 1, 2]
