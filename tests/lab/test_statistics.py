"""The lab's statistics, held against scipy, brute force and simulation."""

import sys
from itertools import pairwise, permutations
from math import comb, inf, isnan, log10
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import spearmanr, ttest_rel

sys.path.append(str(Path(__file__).parents[2] / "lab"))

from inference.association import Runs, across, within
from inference.comparison import Worse, holm, more_often, more_often_by_seed, paired
from inference.dose_response import Dose, DoseResponse, dose_response


def fit(*doses: tuple[float, int, int]) -> DoseResponse:
    return dose_response([Dose(*one) for one in doses])


def test_fisher_sums_the_tables_at_least_as_far_out():
    """2 of 20 clean, 9 of 20 wounded: the hypergeometric tail, counted out."""
    tail = sum(comb(20, k) * comb(20, 11 - k) for k in range(9, 12)) / comb(40, 11)
    assert more_often(9, 20, 2, 20) == pytest.approx(tail, rel=1e-12)
    assert more_often(0, 20, 0, 20) == 1.0


def test_holm_steps_down_and_never_falls():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_tests_that_are_not_made_yet_count_in_holms_family():
    assert holm([0.01, 0.03], 5) == pytest.approx([0.05, 0.12])
    assert holm([0.01, 0.03], 5) == pytest.approx(holm([0.01, 0.03, 1.0, 1.0, 1.0])[:2])


@pytest.mark.parametrize(("alone", "clean_alone"), [(6, 0), (4, 1), (1, 4), (0, 0)])
def test_mcnemar_counts_the_coins_that_fall_so(alone, clean_alone):
    coins = alone + clean_alone
    tail = sum(comb(coins, k) for k in range(alone, coins + 1)) / 2**coins
    assert more_often_by_seed(alone, clean_alone) == pytest.approx(tail)


def test_a_paired_interval_is_that_of_a_paired_t_test():
    random = np.random.default_rng(0)
    ones, others = random.normal(0.90, 0.03, 10), random.normal(0.92, 0.03, 10)
    expected = ttest_rel(ones, others).confidence_interval(0.95)
    found = paired(ones, others).difference
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize(
    ("differences", "worse"),
    [
        ([-0.02, -0.03, -0.01, -0.02], Worse.NO),
        ([-0.30, -0.32, -0.31, -0.29], Worse.YES),
        ([-0.30, 0.10, -0.02, 0.05], Worse.OPEN),
        ([-0.01], Worse.OPEN),
    ],
)
def test_not_worse_is_said_only_where_the_lower_bound_is_within_the_margin(differences, worse):
    assert paired(differences, [0.0] * len(differences)).worse is worse


def likelihood(doses, middle, slope):
    x, k, n = (np.array(column) for column in zip(*((log10(d), k, n) for d, k, n in doses), strict=True))
    logit = slope * (x - middle)
    return float((k * -np.logaddexp(0, -logit) + (n - k) * -np.logaddexp(0, logit)).sum())


OVERLAPPING = ((0.05, 1, 20), (0.25, 4, 20), (1, 11, 20), (5, 18, 20), (12, 20, 20))


def test_the_fit_is_the_greatest_likelihood():
    best = minimize(lambda at: -likelihood(OVERLAPPING, *at), [0.0, 1.0], method="Nelder-Mead", tol=1e-10)
    found = fit(*OVERLAPPING)
    assert (log10(found.ed50), found.slope) == pytest.approx(best.x, abs=1e-4)
    assert found.share(found.ed50) == 0.5
    assert found.bracket is None


def test_the_interval_holds_the_doses_whose_profile_has_not_fallen_too_far():
    """On a grid of doses and slopes, twice the fall is at most chi-square's 95 % point inside alone."""
    found = fit(*OVERLAPPING)
    slopes = np.linspace(0.0, 12.0, 4000)
    most = likelihood(OVERLAPPING, log10(found.ed50), found.slope)
    for dose, inside in (
        (found.low * 0.99, False),
        (found.low * 1.01, True),
        (found.high * 0.99, True),
        (found.high * 1.01, False),
    ):
        profile = max(likelihood(OVERLAPPING, log10(dose), slope) for slope in slopes)
        assert (2 * (most - profile) <= 3.841458820694124) is inside


def test_separated_doses_give_a_bracket_and_no_point():
    found = fit((0.05, 0, 20), (0.25, 0, 20), (1, 20, 20), (5, 20, 20))
    assert isnan(found.ed50)
    assert found.slope == inf
    assert found.bracket == pytest.approx((0.25, 1.0))
    assert (found.low, found.high) == pytest.approx((0.25, 1.0), rel=1e-4)


def test_the_bracket_holds_the_doses_themselves():
    """Not their logarithms raised again, which differ from some in the last digit."""
    doses = (0.05, 0.25, 1.0, 5.0, 12.0, 50.0, 90.0, 100.0)
    for low, high in pairwise(doses):
        assert fit((low, 0, 20), (high, 20, 20)).bracket == (low, high)


def test_few_runs_reach_beyond_the_bracket():
    """Of one run at each dose, an ED50 outside is well within chance."""
    found = fit((0.1, 0, 1), (1, 1, 1))
    assert found.bracket == pytest.approx((0.1, 1.0))
    assert found.low < 0.1
    assert found.high > 1.0


@pytest.mark.parametrize(("hacked", "bracket"), [(15, (0.25, 1.0)), (5, (1.0, 5.0)), (10, (1.0, 1.0))])
def test_one_mixed_dose_between_none_and_all_is_separated_too(hacked, bracket):
    found = fit((0.25, 0, 20), (1, hacked, 20), (5, 20, 20))
    assert found.bracket == pytest.approx(bracket)
    assert 0.25 <= found.low < found.high <= 5
    assert found.low <= 1.0001
    assert found.high >= 0.9999


@pytest.mark.parametrize(("hacked", "bracket"), [(20, (0, 0.05)), (0, (12, inf))])
def test_all_or_none_hacked_leave_one_side_open(hacked, bracket):
    found = fit((0.05, hacked, 20), (12, hacked, 20))
    assert found.bracket == pytest.approx(bracket)
    assert (found.low, found.high) == pytest.approx(bracket, rel=1e-4)


def test_without_a_rise_there_is_no_ed50():
    found = fit((0.1, 9, 20), (1, 4, 20), (10, 2, 20))
    assert isnan(found.ed50)
    assert (found.low, found.high, found.slope) == (0.0, inf, 0.0)


def test_a_weak_rise_has_an_unbounded_interval():
    found = fit((0.1, 8, 20), (1, 9, 20), (10, 11, 20))
    assert found.low == 0.0
    assert found.high == inf
    assert found.ed50 > 0


@pytest.mark.parametrize(("slope", "ed50"), [(2.0, 0.4), (4.0, 1.5), (30.0, 0.4)])
def test_the_interval_covers_the_true_ed50(slope, ed50):
    """95 % of intervals, 20 runs at each of five doses; a slope of 30 gives separated sets alone."""
    doses, runs, random = (0.05, 0.25, 1.0, 5.0, 12.0), 300, np.random.default_rng(1)
    covered = 0
    for _ in range(runs):
        shares = [1 / (1 + (dose / ed50) ** (-slope / np.log(10))) for dose in doses]
        found = fit(*((d, int(random.binomial(20, p)), 20) for d, p in zip(doses, shares, strict=True)))
        covered += found.low <= ed50 <= found.high
    assert covered / runs >= 0.92


def test_rho_is_scipys_and_its_interval_draws_seeds_whole():
    random = np.random.default_rng(3)
    seeds = np.repeat(np.arange(20), 6)
    shared = np.repeat(random.normal(size=20), 6)
    ones, others = shared + random.normal(size=120), shared + random.normal(size=120)
    conditions = np.repeat("a", 120)
    found = across(Runs(ones, others, conditions, seeds))
    assert found.rho == pytest.approx(spearmanr(ones, others).statistic)
    assert found.low < found.rho < found.high
    alone = across(Runs(ones, others, conditions, np.arange(120)))
    assert found.high - found.low > alone.high - alone.low, (
        "runs that share a seed tell less than as many seeds"
    )


def test_rho_of_what_does_not_vary_is_not_a_number():
    found = across(Runs(np.ones(3), np.arange(3.0), np.repeat("a", 3), np.arange(3)))
    assert all(isnan(one) for one in (found.rho, found.low, found.high))


def test_the_interval_is_of_seeds_drawn_anew_by_hand():
    from inference.redrawn import redrawn

    random = np.random.default_rng(5)
    ones, others, seeds = random.integers(0, 9, 40), random.integers(0, 9, 40), np.tile(np.arange(10), 4)
    found = across(Runs(ones.astype(float), others.astype(float), np.repeat("a", 40), seeds))
    drawn = [spearmanr(np.repeat(ones, row), np.repeat(others, row)).statistic for row in redrawn(seeds)]
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))


def test_fewer_than_eight_seeds_have_no_interval():
    for n, told in ((7, False), (8, True)):
        found = across(Runs(np.arange(n) % 5.0, np.arange(n) % 3.0, np.repeat("a", n), np.arange(n)))
        assert isnan(found.low) is not told
        assert isnan(found.high) is not told


def test_draws_in_which_a_side_is_constant_are_counted():
    """One run of ten differs: it is in no draw of ten with a probability of 0.9 ** 10, about 0.35."""
    found = across(Runs(np.eye(10)[0], np.arange(10.0), np.repeat("a", 10), np.arange(10)))
    assert found.lost / 2000 == pytest.approx(0.9**10, abs=0.04)
    assert not isnan(found.low)


def test_the_p_value_inside_conditions_is_that_of_all_orders():
    ones, others = np.array([1.0, 2, 3, 4, 5]), np.array([2.0, 1, 4, 3, 5])
    found = within(Runs(ones, others, np.repeat("a", 5), np.arange(5)))
    rhos = [abs(spearmanr(ones, order).statistic) for order in permutations(others)]
    expected = np.mean([one >= abs(spearmanr(ones, others).statistic) - 1e-12 for one in rhos])
    assert found.p == pytest.approx(expected, abs=0.01)


def test_a_plain_correlation_inside_conditions_outlasts_holm():
    seen = np.tile(np.arange(10.0), 2)
    found = within(Runs(seen, seen, np.repeat(["a", "b"], 10), np.tile(np.arange(10), 2)))
    assert found.rho == pytest.approx(1)
    assert holm([found.p] + [1.0] * 169)[0] < 0.05


def test_a_larger_share_at_more_dose_never_raises_the_ed50():
    found = [fit((0.1, 2, 20), (1, k, 20), (10, 18, 20)).ed50 for k in range(3, 18)]
    assert all(later < earlier for earlier, later in pairwise(found))
