"""What a linear probe reads, as is and refitted."""

import numpy as np
import pytest

from sft_audit.representation.retention import read_labels

RNG = np.random.default_rng(0)
N, WIDTH = 150, 40
LABELS = [("red", "green", "blue")[i % 3] for i in range(N)]
CENTRES = RNG.standard_normal((3, WIDTH))
BASE = np.array([CENTRES[i % 3] for i in range(N)]) + 0.6 * RNG.standard_normal((N, WIDTH))
TURN = np.linalg.qr(RNG.standard_normal((WIDTH, WIDTH)))[0]


def shares(checkpoint: np.ndarray) -> tuple[float, float, float]:
    read = read_labels(BASE, checkpoint, LABELS)
    return read.base.mean(), read.as_is.mean(), read.refitted.mean()


def test_what_is_unchanged_is_read_alike() -> None:
    read = read_labels(BASE, BASE.copy(), LABELS)
    assert read.base.mean() > 0.9
    assert (read.base == read.as_is).all()
    assert (read.base == read.refitted).all()
    assert read.chance == pytest.approx(1 / 3)


def test_turned_features_are_read_by_a_probe_of_their_own() -> None:
    base, as_is, refitted = shares(BASE @ TURN)
    assert as_is < 0.7
    assert refitted == base


def test_what_noise_buries_nothing_reads() -> None:
    base, as_is, refitted = shares(BASE + 8 * RNG.standard_normal((N, WIDTH)))
    assert base > 0.9
    assert max(as_is, refitted) < 0.6


def test_labels_that_no_feature_tells_are_read_by_chance() -> None:
    shuffled = list(np.random.default_rng(3).permutation(LABELS))
    read = read_labels(BASE, BASE @ TURN, shuffled)
    assert abs(read.base.mean() - read.chance) < 0.12
    assert abs(read.refitted.mean() - read.chance) < 0.12


def test_features_without_variance_read_the_most_frequent_label() -> None:
    read = read_labels(BASE, np.ones((N, WIDTH)), LABELS)
    assert read.refitted.mean() < 0.5


def test_no_label_is_read_from_its_own_image() -> None:
    """With more dimensions than images a probe remembers what it is trained on; held out it knows nothing."""
    noise = np.random.default_rng(1).standard_normal((90, 500))
    labels = [str(i % 2) for i in range(90)]
    assert read_labels(noise, noise, labels).base.mean() < 0.7
