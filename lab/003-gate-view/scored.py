"""What was blocked held against what ended badly: shares, with one of two intervals."""

from collections.abc import Callable

import numpy as np

from sft_audit.exact import clopper_pearson
from sft_audit.interval import Clustered

Share = Callable[[np.ndarray, np.ndarray], list[float] | None]  # of what is so, and the seeds


def exact(so: np.ndarray, seeds: np.ndarray) -> list[float] | None:
    """Return k, n and Clopper-Pearson's 95 % interval; None of nothing.

    It takes runs for independent: that runs of one seed or one condition end alike is not in it.
    """
    k, n = int(so.sum()), len(so)
    return [k, n, *clopper_pearson(k, n)] if n else None


def clustered(so: np.ndarray, seeds: np.ndarray) -> list[float] | None:
    """Return k, n and the 95 % interval clustered by seed (Korn and Graubard 1998); None of nothing.

    It is about more seeds of the same conditions.
    """
    if not len(so):
        return None
    _, of = np.unique(seeds, return_inverse=True)
    k, n = np.bincount(of, so).astype(int), np.bincount(of)
    together = Clustered.of(list(zip(k.tolist(), n.tolist(), strict=True)))
    return [together.k, together.n, *together.spread[1:]]


def score(blocked: np.ndarray, ended: np.ndarray, seeds: np.ndarray, share: Share) -> dict[str, object]:
    """Return accuracy, sensitivity (of what ended badly, what was blocked) and specificity."""
    right = blocked == ended
    return {
        "accuracy": share(right, seeds),
        "sensitivity": share(right[ended], seeds[ended]),
        "specificity": share(right[~ended], seeds[~ended]),
    }
