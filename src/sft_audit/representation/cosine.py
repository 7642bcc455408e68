"""The angle between what two models of one architecture make of the same image."""

from typing import Any

from sft_audit.representation.interval import Measured, mean_measured

Array = Any  # numpy.ndarray


def mean_cosine(one: Array, other: Array) -> Measured:
    """Return the mean cosine of matched rows of features (n, width), or of matched tokens (n, k, width).

    An image counts with the mean of its tokens. Unlike CKA it changes under rotation, as does what a language
    model reads that was not trained on the rotated features. A feature of zeros is like nothing but another.
    """
    import numpy as np

    one, other = (np.asarray(part, np.float64) for part in (one, other))
    lengths = np.linalg.norm(one, axis=-1), np.linalg.norm(other, axis=-1)
    product = lengths[0] * lengths[1]
    cosine = (one * other).sum(axis=-1) / np.where(product > 0, product, 1)
    cosine = np.where((lengths[0] == 0) & (lengths[1] == 0), 1.0, np.clip(cosine, -1, 1))
    return mean_measured(cosine.reshape(len(one), -1).mean(axis=1), least=-1, most=1)
