"""What parts of a margin give sums to what all of it gives."""

import numpy as np
import pytest

from sft_audit.record.probe import Probe, path_slopes


def bits(log_prior: np.ndarray, margins: np.ndarray, answers: np.ndarray) -> np.ndarray:
    return np.concatenate(
        [
            Probe({}, {}, margin, 1.0, log_prior).bits({}, 1)[:, answer]
            for margin, answer in zip(margins, answers, strict=True)
        ]
    )


@pytest.mark.parametrize("classes", [2, 10])
def test_parts_sum_to_the_bits_of_all(classes: int) -> None:
    rng = np.random.default_rng(0)
    log_prior = np.log(rng.dirichlet(np.ones(classes)))
    start, one, other = rng.normal(0, 2, (3, 200, classes))
    answers = rng.integers(0, classes, 200)
    slopes = path_slopes(log_prior, start, start + one + other, answers)
    parts = ((one + other) * slopes).sum(axis=1)
    gained = bits(log_prior, start + one + other, answers) - bits(log_prior, start, answers)
    assert parts == pytest.approx(gained, abs=0.02)


def test_a_margin_that_all_classes_share_gives_nothing() -> None:
    rng = np.random.default_rng(1)
    slopes = path_slopes(
        np.log(np.full(4, 0.25)), np.zeros((9, 4)), rng.normal(size=(9, 4)), np.zeros(9, int)
    )
    assert slopes.sum(axis=1) == pytest.approx(np.zeros(9), abs=1e-12)
    assert (slopes[:, 0] > 0).all()
    assert (slopes[:, 1:] < 0).all()
