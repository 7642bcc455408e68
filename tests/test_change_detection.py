from math import log

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sft_audit.change_detection import Cusum, LevelDetector
from sft_audit.exact import clopper_pearson

ALPHA = 0.05
SEQUENCES = 200
LOTS, LOT = 30, 8


def bernoulli(rng, level, _):
    return (rng.random(LOT) < level).astype(float)


def beta(rng, level, _):
    return rng.beta(level, 1 - level, LOT)


def group_means(rng, level, _):
    return rng.binomial(8, level, LOT) / 8


def doubling(rng, level, evidence):
    """A dependent adversary: it varies as much as it can while evidence is there to be raised."""
    if evidence > 0.01:
        return (rng.random(LOT) < level).astype(float)
    return np.full(LOT, level)


def drifting(rng, level, evidence):
    """Another: two values that come seldom, the seldomer the nearer the evidence is."""
    high = min(1.0, level * (2 + 20 * (evidence > 1)))
    return np.where(rng.random(LOT) < level / high, high, 0.0)


@pytest.mark.parametrize("level", [0.02, 0.3])
@pytest.mark.parametrize("null", [bernoulli, beta, group_means, doubling, drifting])
def test_values_at_the_level_seldom_reach_the_evidence(null, level):
    rng = np.random.default_rng(7)
    reached = 0
    for _ in range(SEQUENCES):
        detector = LevelDetector(level)
        evidence = 0.0
        for _ in range(LOTS):
            evidence = detector.take(null(rng, level, evidence).tolist())
            if evidence >= 1 / ALPHA:
                reached += 1
                break
    assert clopper_pearson(reached, SEQUENCES)[0] <= ALPHA


@given(
    st.lists(st.lists(st.floats(0, 1), max_size=6), max_size=12),
    st.floats(0.01, 0.99),
)
@example([[1.0, 0.5, 0.5, 0.25], [1.0, 0.5, 0.25, 0.25, 0.0]], 0.01)
def test_evidence_is_the_money_of_gamblers_who_begin_with_every_lot(lots, level):
    detector = LevelDetector(level)
    for lot in lots:
        detector.take(lot)
    held = [one for one in lots if one]
    expected = most = 0.0
    for stake in (0.02, 0.05, 0.1, 0.2, 0.4, 0.8):
        for begun in range(len(held)):
            money = 1 / ((begun + 1) * (begun + 2))
            for value in (value for lot in held[begun:] for value in lot):
                money *= 1 + stake * (value - level) / level
                most = max(most, money)
            expected += money / 6
    assert detector.evidence == pytest.approx(expected, rel=1e-6) or most > 1e10  # it is held to 1e12


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.floats(0.01, 0.99), st.data())
def test_a_higher_value_never_lowers_the_evidence(values, level, data):
    at = data.draw(st.integers(0, len(values) - 1))
    higher = [*values[:at], 1.0, *values[at + 1 :]]
    assert LevelDetector(level).take(higher) >= LevelDetector(level).take(values) * (1 - 1e-9)


@given(st.lists(st.floats(0, 0.2), max_size=200))
def test_values_below_the_level_are_no_evidence(values):
    assert LevelDetector(0.2).take(values) <= 1


@pytest.mark.parametrize(
    ("before", "after", "level"), [(0.0, 0.1, 0.02), (0.01, 0.06, 0.02), (0.3, 0.7, 0.5)]
)
@pytest.mark.parametrize("change", [1, 300])
def test_a_change_is_seen_not_much_later_than_by_who_knew_all_about_it(before, after, level, change):
    # Who knows the change and its size needs log(1 / alpha) / KL values on average (Wald 1945).
    kl = after * log(after / level) + (1 - after) * log((1 - after) / (1 - level))
    oracle = log(1 / ALPHA) / kl
    for_begin = (log(change * (change + 1)) + log(6)) / kl
    rng = np.random.default_rng(3)
    delays = []
    for _ in range(40):
        detector = LevelDetector(level)
        for _ in range(change - 1):
            detector.take((rng.random(8) < before).astype(float).tolist())
        taken = 0
        while detector.evidence < 1 / ALPHA:
            detector.take((rng.random(8) < after).astype(float).tolist())
            taken += 8
        delays.append(taken)
    assert np.mean(delays) <= 1.4 * (oracle + for_begin) + 8


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_value_that_is_no_share_is_an_error(value):
    with pytest.raises(ValueError, match="not in"):
        LevelDetector(0.5).take([value])


@pytest.mark.parametrize("level", [0, 1, float("nan")])
def test_a_level_that_is_no_share_is_an_error(level):
    with pytest.raises(ValueError, match="between 0 and 1"):
        LevelDetector(level)


def test_evidence_stays_a_number_whatever_comes():
    detector = LevelDetector(0.01)
    assert detector.take([1.0] * 10_000) == 1e12
    assert detector.take([0.0] * 10_000) == pytest.approx(0)


@given(
    st.lists(st.floats(-100, 100), min_size=21, max_size=60),
    st.sampled_from([-1, 1]),
    st.sampled_from([0.0, 0.5, 1.0]),
)
def test_the_cumulative_sum_is_the_highest_of_all_sums_that_end_here(values, side, least):
    detector = Cusum(side, settle=10, least=least)
    for value in values:
        detector.take(value)
    first = np.array(values[:10])
    mean, spread = first.mean(), first.std(ddof=1)
    if spread < 1e-6:
        return
    shift = max(spread, least * abs(mean))
    gone = [side * (value - mean) / shift - 0.5 for value in values[10:]]
    highest = max(sum(gone[begin:]) for begin in range(len(gone) + 1))
    assert detector.evidence == pytest.approx(highest, rel=1e-5, abs=1e-5)


def run_length(rng, settled, most):
    """Return how many standard normal values a sum takes to 5; `settled`: it knows mean and spread."""
    detector = Cusum(1)
    if settled:
        detector.seen, detector._squares = 20, 19.0
    else:
        for value in rng.standard_normal(20).tolist():
            detector.take(value)
    for taken, value in enumerate(rng.standard_normal(most).tolist(), 1):
        if detector.take(value) >= 5:
            return taken
    return most


def test_the_average_run_length_is_the_published_one():
    # One-sided, h = 5 and k = 1/2: 930.9 values, 465 of both sides (Hawkins and Olwell 1998, chapter 3).
    rng = np.random.default_rng(0)
    lengths = [run_length(rng, True, 20_000) for _ in range(200)]
    half = 3.3 * np.std(lengths) / len(lengths) ** 0.5
    assert abs(np.mean(lengths) - 930.9) < half < 300


def test_a_start_that_is_estimated_alarms_early_more_often():
    # Of a known start, a share of 1 - exp(-100 / 931) = 10 % has alarmed after 100 values.
    rng = np.random.default_rng(0)
    early = [run_length(rng, False, 100) < 100 for _ in range(400)]
    low, high = clopper_pearson(sum(early), len(early))
    assert low > 0.15
    assert high < 0.35


def test_values_that_did_not_vary_tell_no_scale():
    detector = Cusum(1)
    for value in [1.0] * 30 + [5.0] * 30:
        detector.take(value)
    assert detector.evidence == 0
