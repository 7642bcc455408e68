"""Effective rank and mean cosine."""

import numpy as np
import pytest

from sft_audit.representation.cka import gram
from sft_audit.representation.cosine import mean_cosine
from sft_audit.representation.rank import effective_rank, rank_ratio

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 10))
TURN = np.linalg.qr(RNG.standard_normal((10, 10)))[0]


def test_equal_directions_count_one_each() -> None:
    assert effective_rank(np.diag([4.0] * 7 + [0.0] * 5)) == pytest.approx(7)
    assert effective_rank(np.zeros((5, 5))) == 0


def test_it_is_the_entropy_of_singular_values() -> None:
    s = np.linalg.svd(X - X.mean(0), compute_uv=False)
    p = s / s.sum()
    assert effective_rank(gram(X)) == pytest.approx(np.exp(-(p * np.log(p)).sum()), rel=1e-6)


def test_collapse_lowers_the_ratio_and_rotation_does_not() -> None:
    turned = rank_ratio(gram(X), gram(3 * X @ TURN))
    assert (turned.value, turned.low, turned.high) == pytest.approx((1, 1, 1), abs=1e-5)
    collapsed = rank_ratio(gram(X), gram(X * ([1] * 3 + [0.01] * 7)))
    assert collapsed.high < 0.5
    assert rank_ratio(gram(X), gram(np.ones((60, 3)))).value == 0


def test_the_ratio_s_interval_holds_that_of_other_images() -> None:
    rng = np.random.default_rng(1)
    scale = np.linspace(1, 0.1, 10)

    def ratio() -> object:
        x = rng.standard_normal((60, 10))
        return rank_ratio(gram(x), gram(x * scale))

    drawn = [ratio() for _ in range(200)]
    mean = np.mean([one.value for one in drawn])
    assert np.mean([one.low <= mean <= one.high for one in drawn]) > 0.9


def test_cosine_sees_rotation_and_not_scale() -> None:
    assert mean_cosine(X, 5 * X).low == pytest.approx(1)
    turned = mean_cosine(X, X @ TURN)
    assert turned.high < 0.9
    by_hand = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(X, X @ TURN, strict=True)]
    assert turned.value == pytest.approx(np.mean(by_hand))


def test_tokens_count_as_the_mean_of_their_image() -> None:
    tokens = RNG.standard_normal((20, 3, 4))
    other = tokens.copy()
    other[:, 0] *= -1
    found = mean_cosine(tokens, other)
    assert (found.value, found.n) == (pytest.approx(1 / 3), 20)
    assert mean_cosine(np.zeros((5, 2)), np.zeros((5, 2))).value == 1
    assert mean_cosine(np.ones((5, 2)), np.zeros((5, 2))).value == 0
