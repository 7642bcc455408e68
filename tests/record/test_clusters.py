"""Intervals and tests for sums over clusters."""

import numpy as np
import pytest

from sft_audit.record.clusters import benjamini_hochberg, fieller, mean_interval, sign_flip_p
from sft_audit.record.rates import ratio_interval


def test_the_interval_of_independent_values_is_students() -> None:
    mean, low, high = mean_interval(np.array([1.0, 2.0, 3.0, 4.0]), np.arange(4))
    assert mean == 2.5
    assert high - mean == pytest.approx(3.18245 * np.std([1, 2, 3, 4], ddof=1) / 2, rel=1e-4)
    assert mean - low == pytest.approx(high - mean)


def test_copies_in_a_cluster_add_no_certainty() -> None:
    values, clusters = np.random.default_rng(0).normal(size=50), np.arange(50)
    assert mean_interval(np.repeat(values, 7), np.repeat(clusters, 7)) == pytest.approx(
        mean_interval(values, clusters)
    )


def test_one_cluster_says_nothing() -> None:
    assert mean_interval(np.ones(9), np.zeros(9)) == (1.0, float("-inf"), float("inf"))
    assert ratio_interval(1, 5, 10, (25, 50, 100)) == (0.5, -1.0, 1.0)


def test_sign_flips_hold_their_level() -> None:
    rng = np.random.default_rng(1)
    p_values = [sign_flip_p(rng.normal(size=60), np.arange(60) // 2) for _ in range(300)]
    assert 0.02 <= np.mean(np.array(p_values) < 0.05) <= 0.08
    assert sign_flip_p(-np.ones(10), np.arange(10)) == 1.0


def test_sign_flips_that_none_reaches_are_bounded() -> None:
    sums = np.random.default_rng(0).uniform(0.5, 1.5, 18)
    signs = 1 - 2 * (np.arange(2**18)[:, None] >> np.arange(18) & 1)
    for negative in range(3):
        values = np.where(np.arange(18) < negative, -0.2, 1) * sums
        exact = float(np.mean(signs @ values >= values.sum() * (1 - 1e-12)))
        assert exact < 1 / 2000
        assert exact <= sign_flip_p(values, np.arange(18)) <= 1 / 2000
    assert sign_flip_p(np.random.default_rng(1).normal(1, 1, 3000), np.arange(3000)) < 1e-30


def test_benjamini_and_hochberg() -> None:
    assert benjamini_hochberg([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert benjamini_hochberg([]) == []


def test_the_interval_of_a_ratio_covers_it() -> None:
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(300):
        cluster = rng.normal(0, 0.3, 40)
        b = rng.integers(1, 6, 40).astype(float)
        a = b * (0.4 + cluster)
        ratio, low, high = ratio_interval(40, a.sum(), b.sum(), ((a**2).sum(), (a * b).sum(), (b**2).sum()))
        assert ratio == pytest.approx(a.sum() / b.sum())
        covered += low <= 0.4 <= high
    assert 0.9 <= covered / 300 <= 0.99


def test_nothing_is_left_to_gain_where_chance_is_always_right() -> None:
    assert ratio_interval(40, 0, 0, (0, 0, 0)) == (0.0, 0.0, 0.0)
    assert ratio_interval(None, 0, 0, (0, 0, 0)) == (None, None, None)


def test_fiellers_interval_covers_a_ratio_whose_denominator_is_noisy() -> None:
    rng = np.random.default_rng(3)
    covered, told = 0, 0
    for _ in range(1000):
        cluster = np.repeat(np.arange(40), 3)
        shared = np.repeat(rng.normal(0, 0.3, 40), 3)
        b = 0.3 + shared + rng.normal(0, 0.3, 120)
        a = 0.15 + 0.5 * shared + rng.normal(0, 0.3, 120)
        found = fieller(a, b, cluster)
        if found is not None:
            told += 1
            covered += found[1] <= 0.5 <= found[2]
    assert told > 990
    assert 0.93 <= covered / told <= 0.97


def test_fiellers_ends_are_where_the_contrast_is_just_not_told_from_nothing() -> None:
    rng = np.random.default_rng(4)
    a, b, cluster = rng.normal(0.4, 1, 80), rng.normal(1, 1, 80), np.arange(80)
    ratio, low, high = fieller(a, b, cluster)
    assert ratio == pytest.approx(a.sum() / b.sum())
    for end, side in ((low, 1), (high, 2)):
        assert mean_interval(a - end * b, cluster)[side] == pytest.approx(0, abs=1e-9)


def test_a_ratio_to_what_may_be_nothing_is_no_number() -> None:
    rng = np.random.default_rng(5)
    b = rng.normal(0, 1, 50)
    assert fieller(rng.normal(1, 1, 50), b - b.mean(), np.arange(50)) is None
    assert fieller(np.ones(9), np.ones(9), np.zeros(9)) is None


def test_a_ratio_from_which_no_cluster_departs_is_not_certain() -> None:
    b = np.array([1.0, 0.0] * 50)
    ratio, low, high = fieller(b, b, np.arange(100))
    assert ratio == 1
    assert 0.9 < low < 0.93
    assert high - 1 == pytest.approx(1 - low)
