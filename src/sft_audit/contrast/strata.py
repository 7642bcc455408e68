"""The contrast of a feature: what completions with it are paid beyond others of their stratum.

Within a stratum (a group, and what else must be equal) of n completions, n1 of which show the feature, these
are paid sum(value - mean) = n1 n0 / n (m1 - m0) beyond the rest. Sums of that over sums of n1 n0 / n are the
mean difference m1 - m0, each stratum weighted by what it tells, as Mantel and Haenszel (1959) weight tables.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Any

from sft_audit.record.clusters import sign_flip_p, t_half_width

FEWEST_CLUSTERS = 8


@dataclass(frozen=True, slots=True)
class Sums:
    """Of every cluster and feature what is paid beyond the rest, and its weight: sparse, shape (c, f)."""

    beyond: Any
    weight: Any

    def totals(self) -> tuple[Any, Any, Any, Any]:
        """Return of every feature: what is paid beyond, its clustered squares, weight, clusters that tell."""
        import numpy as np

        def flat(matrix: Any) -> Any:  # noqa: ANN401 - scipy has no types
            return np.asarray(matrix).ravel()

        return (
            flat(self.beyond.sum(axis=0)),
            flat(self.beyond.power(2).sum(axis=0)),
            flat(self.weight.sum(axis=0)),
            flat((self.weight > 1e-9).sum(axis=0)),
        )


@dataclass(frozen=True, slots=True)
class Contrast:
    """A mean difference with its 95 % interval (clustered), one-sided p, and how many clusters tell of it."""

    value: float
    low: float
    high: float
    p: float
    clusters: int


def contrast_sums(values: Any, shown: Any, strata: Any, clusters: Any) -> Sums:  # noqa: ANN401 - arrays
    """Return the sums of every feature; `shown` is sparse, shape (n, f); no stratum spans two clusters."""
    import numpy as np
    from scipy.sparse import csr_matrix, diags

    _, stratum, sizes = np.unique(strata, return_inverse=True, return_counts=True)
    at = np.arange(len(values))
    within = csr_matrix((np.ones(len(values)), (stratum, at)), shape=(len(sizes), len(values)))
    residual = values - (np.bincount(stratum, values) / sizes)[stratum]
    # What is equal within a stratum leaves rounding, which is not a difference.
    residual[np.abs(residual) < 1e-9] = 0.0
    with_it = within @ shown
    weight = with_it - diags(1 / sizes) @ with_it.power(2)
    _, cluster = np.unique(clusters, return_inverse=True)
    of_stratum = np.zeros(len(sizes), dtype=np.int64)
    of_stratum[stratum] = cluster
    joined = csr_matrix(
        (np.ones(len(sizes)), (of_stratum, np.arange(len(sizes)))),
        shape=(cluster.max(initial=-1) + 1, len(sizes)),
    )
    return Sums(joined @ (within @ diags(residual) @ shown), joined @ weight)


def contrast(sums: Sums, feature: int) -> Contrast:
    """Return the contrast of one feature."""
    import numpy as np

    beyond = sums.beyond[:, [feature]].toarray().ravel()
    weight = sums.weight[:, [feature]].toarray().ravel()
    tells = weight > 1e-9
    n = int(tells.sum())
    beyond, weight = beyond[tells], weight[tells]
    if n < 2:
        return Contrast(0.0, float("-inf"), float("inf"), 1.0, n)
    value = float(beyond.sum() / weight.sum())
    variance = float(((beyond - value * weight) ** 2).sum()) * n / (n - 1) / float(weight.sum()) ** 2
    half = float(t_half_width(n, variance))
    p = sign_flip_p(beyond, np.arange(n)) if n >= FEWEST_CLUSTERS else 1.0
    return Contrast(value, value - half, value + half, p, n)


def screen(sums: Sums) -> Any:  # noqa: ANN401 - a numpy array
    """Return a one-sided p of every feature by its clustered score, 1 where too few clusters tell."""
    import numpy as np
    from scipy.special import ndtr

    beyond, squares, _, clusters = sums.totals()
    score = np.divide(beyond, np.sqrt(squares), out=np.zeros_like(beyond), where=squares > 0)
    return np.where(clusters >= FEWEST_CLUSTERS, ndtr(-score), 1.0)


def half_width(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """Return the half-width of the difference of two independent means, each with its interval."""
    return sqrt(((one[2] - one[1]) / 2) ** 2 + ((other[2] - other[1]) / 2) ** 2)
