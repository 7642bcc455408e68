"""Student's t test of differences seed by seed."""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from scipy.special import stdtr


def p_value(ones: Sequence[float], others: Sequence[float]) -> float:
    """Return the two-sided p-value that pairs do not differ in the mean; 1 where fewer than two are there."""
    differences = np.subtract(ones, others)
    n = len(differences)
    if n < 2:
        return 1.0
    centre, deviation = float(differences.mean()), float(differences.std(ddof=1))
    if not deviation:
        return float(centre == 0)
    return 2 * float(stdtr(n - 1, -abs(centre) * sqrt(n) / deviation))
