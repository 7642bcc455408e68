"""Contrasts within strata, against sums by hand."""

import numpy as np
import pytest
from scipy.sparse import csc_matrix

from sft_audit.contrast.strata import contrast, contrast_sums, screen


def drawn(seed: int, effect: float) -> tuple:
    rng = np.random.default_rng(seed)
    strata = np.repeat(np.arange(60), 6)
    shown = rng.random(len(strata)) < 0.3
    values = rng.normal(size=len(strata)) + rng.normal(size=60)[strata] + effect * shown
    return values, shown, strata


def test_it_is_the_weighted_mean_of_differences() -> None:
    values, shown, strata = drawn(0, 0.5)
    sums = contrast_sums(values, csc_matrix(shown[:, None].astype(float)), strata, strata)
    total = weight = 0.0
    for one in np.unique(strata):
        held, rest = values[(strata == one) & shown], values[(strata == one) & ~shown]
        if len(held) and len(rest):
            share = len(held) * len(rest) / (len(held) + len(rest))
            total, weight = total + share * (held.mean() - rest.mean()), weight + share
    assert contrast(sums, 0).value == pytest.approx(total / weight)


def test_the_interval_covers_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(200):
        values, shown, strata = drawn(seed, 0.5)
        found = contrast(contrast_sums(values, csc_matrix(shown[:, None].astype(float)), strata, strata), 0)
        covered += found.low <= 0.5 <= found.high
    assert 180 <= covered <= 199


def test_equal_pay_within_strata_is_no_contrast() -> None:
    _, shown, strata = drawn(1, 0)
    sums = contrast_sums(0.1 * strata, csc_matrix(shown[:, None].astype(float)), strata, strata)
    assert contrast(sums, 0).value == 0
    assert contrast(sums, 0).p == 1
    assert screen(sums)[0] == pytest.approx(0.5)


def test_few_clusters_tell_nothing() -> None:
    values, shown, strata = drawn(2, 5)
    sums = contrast_sums(values, csc_matrix(shown[:, None].astype(float)), strata, strata % 3)
    assert contrast(sums, 0).p == 1
    assert screen(sums)[0] == 1
