"""Exact intervals and tests against scipy's own and against counting every case."""

from itertools import combinations, product

import pytest
from scipy.stats import binom, binomtest

from sft_audit.exact import clopper_pearson, mcnemar, pass_at_k


@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (0, 59), (59, 59), (3, 59), (400, 1000)])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.999])
def test_clopper_pearson_agrees_with_scipy(k: int, n: int, level: float) -> None:
    expected = binomtest(k, n).proportion_ci(level, method="exact")
    assert clopper_pearson(k, n, level) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_clopper_pearson_covers_every_share() -> None:
    for share in (0.001, 0.02, 0.3, 0.5, 0.97):
        intervals = [clopper_pearson(k, 40) for k in range(41)]
        covered = sum(
            binom.pmf(k, 40, share) for k, (low, high) in enumerate(intervals) if low <= share <= high
        )
        assert covered >= 0.95


def test_nothing_looked_at_says_nothing() -> None:
    assert clopper_pearson(0, 0) == (0.0, 1.0)
    assert mcnemar(0, 0) == 1.0


@pytest.mark.parametrize(("b", "c"), [(0, 1), (5, 5), (0, 6), (3, 17), (30, 12), (400, 300)])
def test_mcnemar_agrees_with_scipy(b: int, c: int) -> None:
    assert mcnemar(b, c) == pytest.approx(binomtest(b, b + c).pvalue, rel=1e-9)
    assert mcnemar(b, c) == mcnemar(c, b)


@pytest.mark.parametrize(("n", "k"), list(product((1, 2, 5, 7), (1, 2, 5, 7))))
def test_pass_at_k_is_the_share_of_draws_that_hold_a_right_one(n: int, k: int) -> None:
    for c in range(n + 1):
        if k > n:
            with pytest.raises(ValueError, match="1 <= k <= n"):
                pass_at_k(n, c, k)
            continue
        draws = list(combinations([True] * c + [False] * (n - c), k))
        assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_pass_at_k_is_unbiased() -> None:
    n, k, rate = 12, 5, 0.07
    mean = sum(binom.pmf(c, n, rate) * pass_at_k(n, c, k) for c in range(n + 1))
    assert mean == pytest.approx(1 - (1 - rate) ** k)


def test_pass_at_k_of_many_draws_is_exact() -> None:
    assert pass_at_k(100_000, 1, 1000) == pytest.approx(0.01, rel=1e-12)
