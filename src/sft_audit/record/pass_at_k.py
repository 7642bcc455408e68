"""How often one of k completions of a prompt is right, over a set of prompts."""

from collections.abc import Sequence

from sft_audit.exact import clopper_pearson, pass_at_k
from sft_audit.record.clusters import mean_interval
from sft_audit.record.grams import Array
from sft_audit.record.pass_rates import Cell, Estimate

CLUSTERED = "unbiased, interval by Student's t over clusters of prompts"
ALIKE = "unbiased, exact interval over clusters of prompts, which are all alike"


def mean_pass_at_k(counts: Sequence[Cell], clusters: Array, k: int) -> Estimate | None:
    """Return the mean of pass@k over prompts and its 95 % interval; None where no prompt has k completions.

    `counts` are completions and right ones of each prompt, `clusters` of shape (prompts,) tells which prompts
    are not independent. Prompts with fewer than k completions are left out. Where every cluster has the same
    mean, its spread is unknown: then it is that of right and wrong, which is the largest there is.
    """
    import numpy as np

    enough = np.array([n >= k for n, _ in counts], bool)
    values = np.array([pass_at_k(n, c, k) for n, c in counts if n >= k])
    if not len(values):
        return None
    mean, low, high = mean_interval(values, np.asarray(clusters)[enough])
    if high > low:
        return Estimate(mean, max(low, 0.0), min(high, 1.0), CLUSTERED)
    n = len(np.unique(np.asarray(clusters)[enough]))
    return Estimate(mean, *clopper_pearson(round(mean * n), n), ALIKE)
