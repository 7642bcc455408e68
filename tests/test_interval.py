"""Intervals against statsmodels' published values and simulation."""

import numpy as np
import pytest

from sft_audit.interval import Rate, difference_of_shares, pair_correlation, wilson


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(2, 100, 0.0055, 0.0700), (47, 100, 0.3750, 0.5671), (0, 59, 0.0, 0.0611), (59, 59, 0.9389, 1.0)],
)
def test_wilson_agrees_with_published_values(k: int, n: int, low: float, high: float) -> None:
    assert wilson(k, n) == pytest.approx((low, high), abs=5e-4)


def test_a_census_has_no_interval() -> None:
    rate = Rate(3, 100, 100)
    assert (rate.low, rate.value, rate.high) == (0.03, 0.03, 0.03)


@pytest.mark.parametrize("limit", [0.001, 0.005, 0.3])
@pytest.mark.parametrize("population", [150, 20_000])
def test_the_least_draw_that_settles_a_share_of_none(limit: float, population: int) -> None:
    n = Rate(0, 1, population).unseen_below(limit)
    assert Rate(0, n, population).high <= limit < Rate(0, n - 1, population).high


def test_without_a_population_the_interval_is_wilsons() -> None:
    assert (Rate(2, 100).low, Rate(2, 100).high) == wilson(2, 100)


def test_nothing_looked_at_says_nothing() -> None:
    assert (Rate(0, 0, 10).low, Rate(0, 0, 10).high) == (0.0, 1.0)


def test_a_draw_from_a_finite_population_is_covered() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for true in range(20, 500, 20):
        for k in rng.hypergeometric(true, 1000 - true, 300, size=500):
            rate = Rate(int(k), 300, 1000)
            covered += rate.low <= true / 1000 <= rate.high
    assert 0.94 <= covered / (24 * 500) <= 0.96


def test_differences_of_shares_are_newcombe_s() -> None:
    """His examples: 56 of 70 and 48 of 80; pairs of 36 on both sides, 12 on one and 2 on the other."""
    one, other = ((k / n, *wilson(k, n)) for k, n in ((56, 70), (48, 80)))
    assert difference_of_shares(one, other) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    one, other = ((k / 50, *wilson(k, 50)) for k in (48, 38))
    assert difference_of_shares(one, other, pair_correlation(36, 12, 2, 0)) == pytest.approx(
        (0.0569, 0.3404), abs=5e-5
    )
