"""A multinomial logistic regression from text to answers that falls back to the answer prior."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sft_audit.record.grams import Array, Block, Matrix

MIN_CLUSTERS = 3
STRENGTH = 0.3
_PRIOR_SHARE = 0.01
_MOST_COLUMNS, _MOST_WEIGHTS = 16_384, 400_000
_ITERATIONS = 60


@dataclass(frozen=True, slots=True)
class Split:
    """The rows of one fold's fit: which to train on and which to calibrate on, and what all rows hold.

    `answers` are class numbers, `clusters` image groups; `log_prior` is over the classes, natural logarithms.
    """

    train: Array
    calibrate: Array
    answers: Array
    clusters: Array
    log_prior: Array


@dataclass(frozen=True, slots=True)
class Probe:
    """A fitted model: columns kept and weights (columns x classes) of each block, bias, scale, log prior.

    p(answer | text) is proportional to prior x exp(scale x (bias + text @ weights)), with 1 % of the prior
    mixed in, so that no single answer can cost more than 6.7 bits. A scale of 0 is the prior alone.
    """

    kept: Mapping[str, Array]
    weights: Mapping[str, Array]
    bias: Array
    scale: float
    log_prior: Array

    def bits(self, blocks: Mapping[str, Block], n: int) -> Array:
        """Return log2 p(answer | text) of n rows (rows x classes)."""
        import numpy as np

        if not self.scale:
            return np.broadcast_to(self.log_prior / np.log(2), (n, len(self.log_prior)))
        return _log_mixture(self.log_prior, self.margins(blocks, n)) / np.log(2)

    def margins(self, blocks: Mapping[str, Block], n: int) -> Array:
        """Return the scaled margins of n rows (rows x classes)."""
        import numpy as np

        margin = np.zeros((n, len(self.bias))) + self.bias
        for name in self.weights:
            margin += self.margin(blocks[name], name)
        return self.scale * margin

    def margin(self, block: Block, name: str) -> Array:
        """Return what one block adds to the margins of every row (rows x classes)."""
        return (_narrow(block.grams, self.kept[name]) @ self.weights[name])[block.codes]


def vocabulary(block: Block, split: Split) -> Array:
    """Return the columns seen in at least three image groups of the training rows, the most frequent ones.

    A gram of one or two images cannot carry over to the images of another fold.
    """
    import numpy as np
    from scipy.sparse import csr_matrix

    _, group = np.unique(split.clusters[split.train], return_inverse=True)
    codes = block.codes[split.train]
    shape = (group.max(initial=-1) + 1, block.grams.shape[0])
    grams = csr_matrix((np.ones(len(group), np.float32), (group, codes)), shape) @ block.grams
    frequency = np.bincount(grams.indices, minlength=grams.shape[1])
    seen = np.flatnonzero((frequency >= MIN_CLUSTERS) & (frequency < grams.shape[0]))
    most = min(_MOST_COLUMNS, _MOST_WEIGHTS // len(split.log_prior))
    return np.sort(seen[np.argsort(-frequency[seen], kind="stable")[:most]])


def fit(blocks: Mapping[str, Block], kept: Mapping[str, Array], names: Sequence[str], split: Split) -> Probe:
    """Fit a probe on the named blocks, then scale it on rows that it has not seen.

    The scale is the maximum-likelihood one on the calibration rows if the gain over the prior is significant
    there (one-sided 5 %, Student's t over image groups), else 0.
    """
    import numpy as np
    from scipy.sparse import hstack

    if not names:
        return Probe({}, {}, np.zeros(len(split.log_prior)), 0.0, split.log_prior)
    weights, bias = _regress(
        hstack([_narrow(blocks[n].grams, kept[n])[blocks[n].codes[split.train]] for n in names], "csr"),
        split.answers[split.train],
        len(split.log_prior),
    )
    ends = np.cumsum([len(kept[n]) for n in names])[:-1]
    parts = dict(zip(names, np.split(weights, ends), strict=True))
    probe = Probe({n: kept[n] for n in names}, parts, bias, 1.0, split.log_prior)
    margin = np.zeros((len(split.calibrate), len(bias))) + bias
    for name in names:
        margin += probe.margin(blocks[name].only(split.calibrate), name)
    return replace(probe, scale=_scale(margin, split))


def _narrow(grams: Matrix, kept: Array) -> Matrix:
    """Return the kept columns, each row of unit length."""
    import numpy as np

    narrow = grams[:, kept]
    counts = np.diff(narrow.indptr)
    narrow.data = np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32)
    return narrow


def _regress(features: Matrix, answers: Array, n_classes: int) -> tuple[Array, Array]:
    """Return weights (columns x classes) and bias, the bias less the log frequency of the class."""
    import numpy as np
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    weights = np.zeros((features.shape[1], n_classes), np.float32)
    bias = np.zeros(n_classes, np.float32)
    classes, counts = np.unique(answers, return_counts=True)
    if len(classes) < 2 or not features.shape[1]:
        return weights, bias
    with warnings.catch_warnings():
        # Stopping early only regularises more; the scale is set on held-out rows afterwards.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=STRENGTH, max_iter=_ITERATIONS, tol=1e-3).fit(features, answers)
    binary = len(classes) == 2
    found = np.vstack([-model.coef_ / 2, model.coef_ / 2]) if binary else model.coef_
    intercept = np.concatenate([-model.intercept_ / 2, model.intercept_ / 2]) if binary else model.intercept_
    weights[:, classes] = found.T
    bias[classes] = intercept - np.log(counts / counts.sum())
    return weights, bias


def gains(probe: Probe, other: Probe, blocks: Mapping[str, Block], split: Split) -> bool:
    """Return whether a probe fits the calibration rows significantly better than another does."""
    import numpy as np

    held_out = {name: blocks[name].only(split.calibrate) for name in probe.kept}
    n = len(split.calibrate)
    better = probe.bits(held_out, n) - other.bits(held_out, n)
    return _significant(better[np.arange(n), split.answers[split.calibrate]], split)


def _scale(margin: Array, split: Split) -> float:
    """Return the scale of the margins that fits the calibration rows best, 0 without a significant gain."""
    import numpy as np
    from scipy.optimize import minimize_scalar

    answers = split.answers[split.calibrate]
    rows = np.arange(len(answers))

    def gained(scale: float) -> Array:
        return _log_mixture(split.log_prior, scale * margin)[rows, answers] - split.log_prior[answers]

    best = minimize_scalar(
        lambda s: -gained(s).mean(), bounds=(0, 4), method="bounded", options={"xatol": 0.02}
    )
    return float(best.x) if _significant(gained(best.x), split) else 0.0


def _significant(gained: Array, split: Split) -> bool:
    """Return whether a mean on the calibration rows is above 0 (one-sided 5 %, Student's t over images)."""
    import numpy as np
    from scipy.special import stdtrit

    _, group = np.unique(split.clusters[split.calibrate], return_inverse=True)
    sums = np.bincount(group, gained)
    if len(sums) < 2:
        return False
    return bool(sums.sum() > stdtrit(len(sums) - 1, 0.95) * np.sqrt(len(sums)) * sums.std(ddof=1))


def path_slopes(log_prior: Array, start: Array, end: Array, answers: Array) -> Array:
    """Return how log2 p(answer) rises with each class's margin, the mean on the way from `start` to `end`.

    Margins and slopes are rows x classes. A part of end - start, times the slopes, is what that part gives;
    the parts sum to what all of it gives (integrated gradients, Sundararajan et al. 2017, section 3; by
    Gauss's rule with 8 points).
    """
    import numpy as np

    rows, slopes = np.arange(len(answers)), np.zeros_like(end)
    for point, weight in zip(*np.polynomial.legendre.leggauss(8), strict=True):
        share = _softmax(log_prior + start + (point + 1) / 2 * (end - start))
        given = (1 - _PRIOR_SHARE) * share[rows, answers]
        rise = weight / 2 * given / (given + _PRIOR_SHARE * np.exp(log_prior[answers]))
        slopes -= rise[:, None] * share
        slopes[rows, answers] += rise
    return slopes / np.log(2)


def _log_mixture(log_prior: Array, margin: Array) -> Array:
    """Return the logarithm of the softmax of log prior + margin with the prior's share mixed in."""
    import numpy as np

    return np.log((1 - _PRIOR_SHARE) * _softmax(log_prior + margin) + _PRIOR_SHARE * np.exp(log_prior))


def _softmax(logit: Array) -> Array:
    import numpy as np

    share = np.exp(logit - logit.max(axis=1, keepdims=True))
    return share / share.sum(axis=1, keepdims=True)
