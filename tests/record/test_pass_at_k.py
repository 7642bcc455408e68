"""pass@k over prompts: unbiased, and its interval covers."""

import numpy as np
import pytest

from sft_audit.record.pass_at_k import ALIKE, CLUSTERED, mean_pass_at_k


def test_prompts_with_fewer_completions_are_left_out() -> None:
    found = mean_pass_at_k([(4, 4), (4, 0), (2, 2)], np.array([0, 1, 2]), 3)
    assert found is not None
    assert found.value == 0.5
    assert mean_pass_at_k([(2, 1)], np.array([0]), 3) is None


@pytest.mark.parametrize(("right", "low", "high"), [(0, 0.0, 0.0713), (4, 0.9287, 1.0)])
def test_prompts_that_are_all_alike_are_not_known_for_sure(right: int, low: float, high: float) -> None:
    found = mean_pass_at_k([(4, right)] * 50, np.arange(50), 2)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-3)
    assert found.method == ALIKE


def test_one_cluster_says_nothing_of_others() -> None:
    found = mean_pass_at_k([(4, 2), (4, 0)], np.array([0, 0]), 2)
    assert found is not None
    assert (found.low, found.high) == (0.0, 1.0)


def test_prompts_of_a_cluster_count_as_one() -> None:
    rng = np.random.default_rng(0)
    covered, k, n = 0, 4, 8
    for _ in range(500):
        rates = np.repeat(rng.beta(0.5, 1.5, 60), 3)
        counts = [(n, int(c)) for c in rng.binomial(n, rates)]
        found = mean_pass_at_k(counts, np.repeat(np.arange(60), 3), k)
        assert found is not None
        assert found.method == CLUSTERED
        covered += found.low <= TRUE <= found.high
    assert 0.92 <= covered / 500 <= 0.98


# 1 - E (1 - p)^4 of p ~ Beta(1/2, 3/2): the product over j < 4 of (3/2 + j) / (2 + j) is taken off.
TRUE = 1 - (1.5 * 2.5 * 3.5 * 4.5) / (2 * 3 * 4 * 5)
