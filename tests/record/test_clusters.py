"""Intervals and tests for sums over clusters."""

import numpy as np
import pytest

from sft_audit.record.clusters import benjamini_hochberg, mean_interval, sign_flip_p
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
