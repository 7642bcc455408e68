"""Singular values of a matrix that is read a block at a time, and how many directions they amount to."""

from collections.abc import Callable
from typing import Any

from sft_audit.models.safetensors_file import BLOCK, Block

Array = Any  # numpy, which is imported where it is used
# The longest smaller side of a matrix whose singular values are computed: time grows with its cube.
LONGEST_SIDE = 2048


def singular_values(values: Callable[[Block], Array], rows: int, columns: int) -> Array:
    """Return the singular values, largest first, of a matrix whose blocks (rows, columns) `values` returns.

    They are the roots of the eigenvalues of its Gram matrix over the smaller side, in float64, so that those
    below sqrt(side * 2.2e-16) of the largest are noise and come back as 0. Memory: that matrix and a block.
    """
    import numpy as np
    from scipy.linalg import eigvalsh
    from scipy.linalg.blas import dsyrk

    side, long = min(rows, columns), max(rows, columns)
    gram = np.zeros((side, side), order="F")
    step = max(BLOCK // max(side, 1), 1)
    for at in range(0, long, step):
        end = min(at + step, long)
        if rows >= columns:
            gram = dsyrk(1.0, values(Block(at, end, 0, columns)).T, 1.0, gram, overwrite_c=1)
        else:
            gram = dsyrk(1.0, values(Block(0, rows, at, end)).T, 1.0, gram, trans=1, overwrite_c=1)
    found = eigvalsh(gram, lower=False, overwrite_a=True, check_finite=False, driver="ev")[::-1]
    found[found < side * np.finfo(float).eps * found[0]] = 0.0
    return np.sqrt(found)


def effective_rank(values: Array) -> float | None:
    """Return exp of the entropy of the singular values' shares (Roy & Vetterli 2007); None if all are 0."""
    import numpy as np

    present = values[values > 0]
    if not present.size:
        return None
    shares = present / present.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def above_rounding(values: Array, rounding: float, mean_square: float, rows: int, columns: int) -> Array:
    """Return the singular values of a change that rounding the changed matrix does not make.

    Errors of rounding are at most `rounding` (relative), their standard deviation at most that over sqrt(3);
    independent, in a matrix of this size and mean square, their largest singular value comes to this limit.
    """
    import numpy as np

    limit = rounding * np.sqrt(mean_square / 3) * (np.sqrt(rows) + np.sqrt(columns))
    return values[values > limit]
