"""Seeds drawn anew: the bootstrap over what was drawn independently."""

import numpy as np

FEWEST = 8  # seeds; an interval of fewer drawn anew says more than they know
DRAWS = 2000


def redrawn(seeds: np.ndarray, draws: int = DRAWS) -> np.ndarray:
    """Return how often each run counts, a row a draw: as many seeds as there are, with all their runs.

    No rows of fewer than 8 seeds.
    """
    names, of = np.unique(seeds, return_inverse=True)
    many = len(names)
    if many < FEWEST:
        return np.zeros((0, len(seeds)), dtype=int)
    random = np.random.default_rng(0)
    return random.multinomial(many, np.full(many, 1 / many), size=draws)[:, of]
