"""Linear centred kernel alignment without the bias of few images, and its interval."""

from typing import Any

from sft_audit.representation.interval import Measured, jackknifed

Array = Any  # numpy.ndarray
_LEAST = 6  # images: with one left out, the estimator still divides by n - 3
_ROUNDING = 1e-13  # of the features' mean square: activations are 32-bit floats


def gram(features: Array) -> Array:
    """Return the Gram matrix, float64 of shape (n, n), of the centred features of shape (n, ...).

    The estimator does not depend on the centre; centring keeps its digits. Features that differ by no more
    than rounding do not vary: the matrix is zero.
    """
    import numpy as np

    rows = np.asarray(features, np.float64).reshape(len(features), -1)
    centred = rows - rows.mean(axis=0)
    if (centred**2).sum() <= _ROUNDING * (rows**2).sum():
        return np.zeros((len(rows), len(rows)))
    return centred @ centred.T


def unbiased_cka(one: Array, other: Array) -> float:
    """Return CKA of two Gram matrices with the unbiased HSIC_1, in [-1, 1]; NaN where one has no variance.

    HSIC_1: Song et al. 2012 (Feature selection via dependence maximization, eq. 5); in CKA: Nguyen et al.
    2021 (arXiv:2010.15327). CKA: Kornblith et al. 2019 (arXiv:1905.00414).
    """
    return float(_alignment(*(_hsic(a, b) for a, b in _pairs(one, other))))


def cka_interval(one: Array, other: Array) -> Measured:
    """Return CKA with its 95 % interval over images: the jackknife on Fisher's scale, Student's t.

    Leaving one image out costs no more than the estimate, and repeats no image: a bootstrap sample does, and
    takes an image that it drew twice for two images that are alike.
    """
    import numpy as np

    value = unbiased_cka(one, other)
    if not np.isfinite(value):
        return Measured(value, value, value, len(one))
    left_out = _alignment(*(_hsic_without_each(a, b) for a, b in _pairs(one, other)))
    return jackknifed(value, left_out, np.arctanh, np.tanh)


def _pairs(one: Array, other: Array) -> tuple[tuple[Array, Array], ...]:
    if one.shape != other.shape or len(one) < _LEAST:
        raise ValueError(
            f"Gram matrices of shapes {one.shape} and {other.shape}; both over >= {_LEAST} images"
        )
    one, other = _hollow(one), _hollow(other)
    return (one, other), (one, one), (other, other)


def _hollow(matrix: Array) -> Array:
    """Return the matrix over its mean diagonal, its own diagonal put to zero."""
    import numpy as np

    scale = float(np.trace(matrix)) / len(matrix)
    hollow = matrix / scale if scale > 0 else matrix.copy()
    np.fill_diagonal(hollow, 0)
    return hollow


def _alignment(shared: Array, own: Array, others: Array) -> Array:
    import numpy as np

    own, others = (np.where(v > 0, v, np.nan) for v in (own, others))
    return np.clip(shared / np.sqrt(own * others), -1, 1)


def _hsic(one: Array, other: Array) -> float:
    rows, columns = one.sum(axis=1), other.sum(axis=1)
    products = (one * other).sum()
    return float(_of_sums(len(one), products, rows.sum(), columns.sum(), rows @ columns))


def _hsic_without_each(one: Array, other: Array) -> Array:
    """Return HSIC_1 without each image in turn, of shape (n,): its sums less what that image brings."""
    rows, columns = one.sum(axis=1), other.sum(axis=1)
    own = (one * other).sum(axis=1)
    crossed = rows @ columns - rows * columns - other @ rows - one @ columns + own
    return _of_sums(
        len(one) - 1, own.sum() - 2 * own, rows.sum() - 2 * rows, columns.sum() - 2 * columns, crossed
    )


def _of_sums(n: int, products: Array, one: Array, other: Array, crossed: Array) -> Array:
    return (products + one * other / ((n - 1) * (n - 2)) - 2 * crossed / (n - 2)) / (n * (n - 3))
