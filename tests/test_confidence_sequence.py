"""The confidence sequence against its formula written out, and by simulated coverage at all times."""

from math import log, sqrt

import numpy as np
import pytest

from sft_audit.confidence_sequence import confidence_sequence

RUNS, STEPS = 400, 300


def capital(values: list[float], mean: float, alpha: float) -> float:
    """Return the hedged capital against one mean after all values, as the source writes it."""
    up = down = 1.0
    for t, value in enumerate(values, 1):
        before = values[: t - 1]
        centres = [(0.5 + sum(values[:i])) / (i + 1) for i in range(1, t)]
        variance = (0.25 + sum((x - mu) ** 2 for x, mu in zip(before, centres, strict=True))) / t
        stake = sqrt(2 * log(2 / alpha) / (variance * t * log(1 + t)))
        up *= 1 + min(stake, 0.5 / mean) * (value - mean)
        down *= 1 - min(stake, 0.5 / (1 - mean)) * (value - mean)
    return max(up, down) / 2


def test_it_holds_the_means_against_which_no_capital_was_made() -> None:
    values = np.random.default_rng(0).beta(2, 5, 60).tolist()
    low, high = confidence_sequence(values, 0.1)
    for mean in np.linspace(0.0105, 0.9905, 99):
        held = all(capital(values[:t], mean, 0.1) < 1 / 0.1 for t in range(1, len(values) + 1))
        inside = low[-1] <= mean <= high[-1]
        near = min(abs(mean - low[-1]), abs(mean - high[-1])) <= 0.001
        assert inside == held or near


@pytest.mark.parametrize("law", ["rare", "beta", "dependent"])
def test_all_intervals_of_a_run_hold_together(law: str) -> None:
    alpha = 0.1
    rng = np.random.default_rng(1)
    missed = 0
    for _ in range(RUNS):
        mean, values = draw(law, rng)
        low, high = confidence_sequence(values, alpha)
        missed += bool(((mean < low) | (mean > high)).any())
    assert missed / RUNS <= alpha + 3 * sqrt(alpha * (1 - alpha) / RUNS)


def draw(law: str, rng: np.random.Generator) -> tuple[float, np.ndarray]:
    match law:
        case "rare":
            return 0.02, (rng.random(STEPS) < 0.02).astype(float)
        case "beta":
            return 1 / 6, rng.beta(1, 5, STEPS)
    # Dependent values: each is 0.5 plus or minus a width that the last one decides.
    values = [0.5]
    for _ in range(STEPS - 1):
        width = 0.5 if values[-1] > 0.5 else 0.1
        values.append(0.5 + width * (2 * rng.integers(0, 2) - 1))
    return 0.5, np.array(values)


def test_it_narrows_and_never_widens() -> None:
    values = (np.random.default_rng(2).random(4000) < 0.3).astype(float)
    low, high = confidence_sequence(values)
    assert (np.diff(low) >= 0).all()
    assert (np.diff(high) <= 0).all()
    # Two and a half times as wide as the interval that one may look at but once.
    assert high[-1] - low[-1] < 2.5 * 2 * 1.96 * sqrt(0.3 * 0.7 / 4000)
    assert low[-1] < 0.3 < high[-1]


def test_no_value_gives_no_interval() -> None:
    low, high = confidence_sequence([])
    assert low.shape == high.shape == (0,)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_value_outside_0_and_1_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not in"):
        confidence_sequence([0.5, value])
