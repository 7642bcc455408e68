"""What few samples say of whole groups: without bias, and with intervals that hold."""

import sys
from math import comb
from pathlib import Path

import numpy as np
import pytest

from sft_audit.record.pass_rates import BAYES, UNBIASED, PassRates

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
from prompts import WORLDS, score

GROUP = 4


def zero(p: float) -> float:
    return p**GROUP + (1 - p) ** GROUP


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_with_a_group_of_samples_the_share_is_unbiased(p: float) -> None:
    k = 6
    chances = [comb(k, c) * p**c * (1 - p) ** (k - c) for c in range(k + 1)]
    shares = [PassRates({(k, c): 50}, GROUP).zero_share().value for c in range(k + 1)]
    assert np.dot(chances, shares) == pytest.approx(zero(p), abs=1e-12)


def test_the_method_is_named_and_a_few_prompts_with_fewer_samples_do_not_change_it() -> None:
    assert PassRates({(8, 4): 95, (2, 1): 5}, GROUP).zero_share().method == UNBIASED
    assert PassRates({(8, 4): 50, (2, 1): 50}, GROUP).zero_share().method == BAYES


@pytest.mark.parametrize("k", [2, 8])
@pytest.mark.parametrize("right", [0, 1])
def test_prompts_that_are_all_alike_leave_room_for_doubt(k: int, right: int) -> None:
    share = PassRates({(k, right * k): 30}, GROUP).zero_share()
    assert share.high == 1
    assert 0.4 < share.low < 0.9
    assert share.low <= share.value <= share.high


def test_signal_rises_with_doubt_and_falls_at_the_ends() -> None:
    rates = PassRates({(8, c): 20 for c in range(9)}, 8)
    signals = [rates.signal((8, c)) for c in range(9)]
    assert signals[:5] == sorted(signals[:5])
    assert signals[4:] == sorted(signals[4:], reverse=True)
    assert signals[0] < 0.8 < signals[4]


def test_a_subset_of_all_prompts_saves_nothing_and_one_of_the_mixed_saves_what_the_others_waste() -> None:
    rates = PassRates({(32, 0): 500, (32, 16): 500}, 8)
    nothing = rates.saving(lambda _: True)
    assert (nothing.value, nothing.low, nothing.high) == (0, 0, 0)
    saving = rates.saving(lambda cell: cell[1] > 0)
    assert saving.value == pytest.approx(0.5, abs=0.03)
    assert saving.low <= saving.value <= saving.high


def test_prompts_without_a_sample_say_nothing() -> None:
    assert PassRates.of([(0, 0), (4, 1), (4, 1)], GROUP).prompts == {(4, 1): 2}


@pytest.mark.parametrize(("world", "k"), [("U-shaped, Beta(0.3, 0.3)", 8)])
def test_intervals_cover_the_truth_in_93_of_100_runs(world: str, k: int) -> None:
    assert world in WORLDS
    seen = score(world, k, runs=200, prompts=400, seed=1)
    assert seen.share_covered >= 186
    assert seen.pass_covered >= 186
    assert seen.saving_covered >= 186
    assert seen.share_width < 0.2
    assert seen.saving > 0.1
