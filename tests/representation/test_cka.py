"""Unbiased CKA against its definition, and what it does not see."""

from itertools import permutations

import numpy as np
import pytest

from sft_audit.representation.cka import cka_interval, gram, unbiased_cka


def features(seed: int, n: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, width)) * np.linspace(3, 0.3, width)


def rotation(seed: int, width: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((width, width)))[0]


def explicit_hsic(k: np.ndarray, other: np.ndarray) -> float:
    """The U-statistic of order four, summed over every ordered four of different images."""
    total, count = 0.0, 0
    for i, j, q, r in permutations(range(len(k)), 4):
        total += k[i, j] * (other[i, j] + other[q, r] - 2 * other[i, q])
        count += 1
    return total / count


def explicit_cka(x: np.ndarray, y: np.ndarray) -> float:
    k, other = x @ x.T, y @ y.T
    own = explicit_hsic(k, k) * explicit_hsic(other, other)
    return explicit_hsic(k, other) / np.sqrt(own)


@pytest.mark.parametrize(("n", "noise"), [(6, 1.0), (9, 0.3), (12, 3.0)])
def test_it_is_the_u_statistic_summed_over_all_fours(n: int, noise: float) -> None:
    x = features(1, n, 5) + 7  # off centre, where a centred estimator would go unnoticed
    y = x @ rotation(2, 5) + noise * features(3, n, 5)
    assert unbiased_cka(gram(x), gram(y)) == pytest.approx(explicit_cka(x, y), abs=1e-6)


def test_it_meets_the_biased_formula_where_images_are_many() -> None:
    x = features(1, 4000, 6)
    y = x @ rotation(2, 6) + features(3, 4000, 6)
    a, b = x - x.mean(0), y - y.mean(0)
    biased = np.linalg.norm(b.T @ a) ** 2 / (np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b))
    assert unbiased_cka(gram(x), gram(y)) == pytest.approx(biased, abs=2e-3)


def test_few_images_in_many_dimensions_do_not_make_strangers_alike() -> None:
    pairs = [(features(s, 30, 400), features(s + 100, 30, 400)) for s in range(30)]
    found = [unbiased_cka(gram(x), gram(y)) for x, y in pairs]
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(len(found)) + 0.01
    x, y = ((one - one.mean(0)) for one in pairs[0])
    assert np.linalg.norm(x @ y.T) ** 2 > 0
    biased = np.sum((x @ x.T) * (y @ y.T)) / (np.linalg.norm(x @ x.T) * np.linalg.norm(y @ y.T))
    assert biased > 0.8


def test_rotation_and_scale_leave_it_noise_does_not() -> None:
    x = features(1, 80, 12)
    turned = 0.01 * x @ rotation(2, 12) + 5
    assert unbiased_cka(gram(x), gram(turned)) == pytest.approx(1, abs=1e-9)
    found = [unbiased_cka(gram(x), gram(x + s * features(3, 80, 12))) for s in (0.3, 1, 3)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.9 > 0.6 > found[2]


def test_the_jackknife_is_the_estimate_without_each_image() -> None:
    x = features(1, 15, 4)
    y = x + features(2, 15, 4)
    found = cka_interval(gram(x), gram(y))
    left_out = [unbiased_cka(gram(np.delete(x, i, 0)), gram(np.delete(y, i, 0))) for i in range(15)]
    z = np.arctanh(left_out)
    spread = np.sqrt(14 / 15 * ((z - z.mean()) ** 2).sum())
    assert (np.arctanh(found.high) - np.arctanh(found.low)) / 2 == pytest.approx(2.1447867 * spread, rel=1e-6)


@pytest.mark.parametrize("noise", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("n", [25, 80])
def test_the_interval_holds_what_more_images_show(n: int, noise: float) -> None:
    rng = np.random.default_rng(5)
    scale, turn = np.linspace(3, 0.3, 8), rotation(1, 8)

    def draw(size: int) -> tuple[np.ndarray, np.ndarray]:
        x = rng.standard_t(6, (size, 8)) * scale
        return x, x @ turn + noise * rng.standard_t(6, (size, 8)) * scale

    x, y = draw(200_000)
    a, b = x - x.mean(0), y - y.mean(0)
    truth = np.linalg.norm(b.T @ a) ** 2 / (np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b))
    held = 0
    for _ in range(300):
        found = cka_interval(*(gram(one) for one in draw(n)))
        held += found.low <= truth <= found.high
    assert held / 300 > 0.92


def test_what_does_not_vary_is_like_nothing() -> None:
    still = np.full((20, 4), 0.1, np.float32)
    still[::3] = np.nextafter(np.float32(0.1), np.float32(1))  # rounding, no variance
    assert np.isnan(unbiased_cka(gram(features(1, 20, 4)), gram(still)))
    same = cka_interval(gram(features(1, 20, 4)), gram(features(1, 20, 4)))
    assert (same.value, same.low, same.high) == pytest.approx((1, 1, 1), abs=1e-9)


def test_too_few_images_are_refused() -> None:
    with pytest.raises(ValueError, match=">= 6 images"):
        unbiased_cka(np.eye(5), np.eye(5))
