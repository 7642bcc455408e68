"""What a linear probe reads from features: trained on the base model's, asked about the checkpoint's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Array = Any  # numpy.ndarray
FOLDS = 5
# Ridges that are tried, over the mean square of the training features.
_RIDGES = tuple(10.0**power for power in range(-5, 4))
_NOTHING = 1e-100


@dataclass(frozen=True, slots=True)
class Read:
    """Whether the label of each image was read, held out: booleans of shape (n,).

    `base`: by the base model's probe from its features; `as_is`: by the same probe from the checkpoint's;
    `refitted`: by a probe of the checkpoint's own. As is fails and refitted holds where features are turned;
    both fail where what they told is lost.
    """

    base: Array
    as_is: Array
    refitted: Array
    chance: float


def read_labels(base: Array, checkpoint: Array, labels: Sequence[str]) -> Read:
    """Return what ridge probes read of the images' labels, in five folds that are the same for all three.

    `base` and `checkpoint` are features (n, width) of the same images, each image once. `chance` is the share
    of the most frequent label.
    """
    import numpy as np

    names, codes = np.unique(np.asarray(labels), return_inverse=True)
    base, checkpoint = (np.asarray(part, np.float64) for part in (base, checkpoint))
    fold = _dealt(codes)
    right, as_is, again = (np.zeros(len(codes), bool) for _ in range(3))
    for held in range(FOLDS):
        out, kept = fold == held, fold != held
        if not out.any():
            continue
        own = _probe(base[kept], codes[kept], len(names))
        refitted = _probe(checkpoint[kept], codes[kept], len(names))
        right[out] = own.says(base[out]) == codes[out]
        as_is[out] = own.says(checkpoint[out]) == codes[out]
        again[out] = refitted.says(checkpoint[out]) == codes[out]
    return Read(right, as_is, again, float(np.bincount(codes).max()) / len(codes))


@dataclass(frozen=True, slots=True, eq=False)
class _Probe:
    """A ridge regression on one column a class: the class with the largest value is what it says."""

    centre: Array
    weights: Array
    offset: Array

    def says(self, features: Array) -> Array:
        return ((features - self.centre) @ self.weights + self.offset).argmax(axis=1)


def _dealt(codes: Array) -> Array:
    """Return a fold for each image; the images of one label are dealt out in turn."""
    import numpy as np

    order = np.argsort(codes, kind="stable")
    fold = np.empty(len(codes), np.int64)
    fold[order] = np.arange(len(codes)) % FOLDS
    return fold


def _probe(features: Array, codes: Array, classes: int) -> _Probe:
    """Fit in the dual, with the ridge whose leave-one-out error is least (Golub, Heath and Wahba 1979)."""
    import numpy as np

    centre = features.mean(axis=0)
    rows = features - centre
    targets = np.eye(classes)[codes]
    offset = targets.mean(axis=0)
    values, vectors = np.linalg.eigh(rows @ rows.T)
    turned = vectors.T @ (targets - offset)
    scale = max(float(values.mean()), _NOTHING)
    best, least = np.zeros_like(targets), np.inf
    for ridge in _RIDGES:
        inverse = 1 / (np.clip(values, 0, None) + ridge * scale)
        dual = vectors @ (inverse[:, None] * turned)
        error = float(((dual / ((vectors**2) @ inverse)[:, None]) ** 2).mean())
        if error < least:
            best, least = dual, error
    return _Probe(centre, rows.T @ best, offset)
