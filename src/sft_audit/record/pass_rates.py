"""From how often few samples of a prompt are right to how often a whole group of them is alike.

With pass rate p, a group of G completions is all right or all wrong with probability p^G + (1 - p)^G: its
advantages are 0. Prompts enter as counts, `right` of `n` samples; those with equal counts are one cell.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sft_audit.interval import wilson

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

Cell = tuple[int, int]  # samples, and how many of them are right
_GRID = 201
_ROUNDS = 2000
_REPEATS = 2000
_SHARES = 5
_MOST = 0.9  # share of prompts with a whole group of samples, from which the others are left out
_SIZES = 8  # numbers of samples whose counts bind the distribution: those of most prompts


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share and its 95 % interval, and how it was had."""

    value: float
    low: float
    high: float
    method: str


UNBIASED = "unbiased, interval by bootstrap over prompts"
BAYES = "empirical Bayes, interval over every distribution of pass rates that fits the counts"


@dataclass(frozen=True)
class PassRates:
    """The cells of a set of prompts, and the size of a group."""

    prompts: Mapping[Cell, int]
    generations: int

    @staticmethod
    def of(counts: Iterable[Cell], generations: int) -> "PassRates":
        """Count the prompts of every cell; prompts without a sample say nothing."""
        return PassRates(dict(sorted(Counter(one for one in counts if one[0]).items())), generations)

    @property
    def total(self) -> int:
        """Return the number of prompts."""
        return sum(self.prompts.values())

    def zero_share(self, seed: int = 0) -> Estimate:
        """Return the share of groups without advantage in a pass over the prompts, one group a prompt.

        With at least G samples of every prompt it is the mean over prompts of C(c, G) / C(k, G) +
        C(k - c, G) / C(k, G), which is unbiased for p^G + (1 - p)^G (Chen et al. 2021, arXiv:2107.03374,
        derive 1 - pass@k so), and the interval is by bootstrap, the noise of one pass added. A few
        prompts with fewer are left out. With fewer everywhere it is not determined by the counts: the
        nonparametric maximum-likelihood distribution of pass rates (Kiefer and Wolfowitz 1956) gives the
        point, and the interval holds every distribution whose counts agree with those seen.
        """
        enough = {cell: k for cell, k in self.prompts.items() if cell[0] >= self.generations}
        if sum(enough.values()) >= _MOST * self.total:
            return self._unbiased(enough, seed)
        value = float(self.weights @ self._zero)
        low, high = self._extremes(self._zero) or (0.0, 1.0)
        return Estimate(min(max(value, low), high), low, high, BAYES)

    def signal(self, cell: Cell) -> float:
        """Return the posterior probability that a group of a prompt with these counts has an advantage."""
        likely = self.weights * self._chances(cell)
        return float(1 - likely @ self._zero / likely.sum())

    def saving(self, keep: Callable[[Cell], bool], added: float = 0.0) -> Estimate:
        """Return by how much the share of groups without advantage falls on the prompts of some cells.

        The choice was made on the same samples, so that those of the chosen prompts look better than they
        are. Point and interval are therefore not measured on them, but had from the distribution of pass
        rates: with K(p) the probability that a prompt of pass rate p is chosen, from E[z K] / E[K]. `added`
        is the share of the subset that is in it for other reasons; the interval takes its groups as it must.
        """
        import numpy as np

        sizes = Counter[int]()
        for (n, _), prompts in self.prompts.items():
            sizes[n] += prompts
        chosen = np.zeros(_GRID)
        for n, prompts in sizes.items():
            cells = [(n, right) for right in range(n + 1) if keep((n, right))]
            chosen += prompts / self.total * sum((self._chances(cell) for cell in cells), np.zeros(_GRID))
        kept = sum(prompts for cell, prompts in self.prompts.items() if keep(cell))
        if kept in (0, self.total):
            return Estimate(0.0, 0.0 - added, 0.0, BAYES)
        within = 1 - added
        share = float(self.weights @ chosen)
        value = float(self.weights @ (self._zero * (1 - within * chosen / share)))
        shares = [share, *np.linspace(*wilson(kept, self.total), _SHARES)]
        bounds = [
            bound
            for one in shares
            if (bound := self._extremes(self._zero * (1 - within * chosen / one), (chosen, one)))
        ]
        low = min([value, *(one[0] for one in bounds)]) - added
        high = max([value, *(one[1] for one in bounds)])
        value -= added * float(self.weights @ self._zero)
        return Estimate(min(max(value, low), high), low, high, BAYES)

    @cached_property
    def weights(self) -> "Floats":
        """Return the most likely distribution of pass rates, on a grid, by expectation and maximisation."""
        import numpy as np

        seen = np.array([self._chances(cell) for cell in self.prompts])
        shares = np.fromiter(self.prompts.values(), float) / self.total
        weights = np.full(_GRID, 1 / _GRID)
        for _ in range(_ROUNDS):
            weights = weights * (seen.T @ (shares / (seen @ weights)))
        likeliest: Floats = weights / weights.sum()
        return likeliest

    @cached_property
    def _rates(self) -> "Floats":
        import numpy as np

        # Denser at both ends, where counts tell rates apart.
        rates: Floats = np.sin(np.linspace(0, np.pi / 2, _GRID)) ** 2
        return rates

    @cached_property
    def _zero(self) -> "Floats":
        zero: Floats = self._rates**self.generations + (1 - self._rates) ** self.generations
        return zero

    def _chances(self, cell: Cell) -> "Floats":
        """Return the probability of a cell's count at every rate of the grid."""
        from scipy.stats import binom

        n, right = cell
        chances: Floats = binom.pmf(right, n, self._rates)
        return chances

    def _unbiased(self, prompts: Mapping[Cell, int], seed: int) -> Estimate:
        import numpy as np
        from scipy.special import comb

        group = self.generations
        n, right = np.array(list(prompts), float).T
        alike = (comb(right, group) + comb(n - right, group)) / comb(n, group)
        counts = np.fromiter(prompts.values(), float)
        total = int(counts.sum())
        rng = np.random.default_rng(seed)
        drawn = rng.multinomial(total, counts / total, _REPEATS)
        # One pass has noise of its own: the variance z(1 - z) of each group.
        noise = np.sqrt(float(self.weights @ (self._zero * (1 - self._zero))) / total)
        passes = drawn @ alike / total + rng.normal(0, noise, _REPEATS)
        low, high = np.clip(np.quantile(passes, [0.025, 0.975]), 0, 1)
        value = float(counts @ alike / total)
        # Where the samples of all prompts are alike, the bootstrap knows no doubt.
        if value in (0, 1):
            low, high = wilson(round(value * total), total)
        return Estimate(value, min(float(low), value), max(float(high), value), UNBIASED)

    def _extremes(
        self, cost: "Floats", fixed: "tuple[Floats, float] | None" = None
    ) -> tuple[float, float] | None:
        """Return the least and the largest mean of `cost` over all distributions that fit the counts.

        Every cell's share must lie in its Wilson interval, all of them together at 95 % (Bonferroni);
        `fixed` is a further mean with its value. None where no distribution does.
        """
        import numpy as np
        from scipy.optimize import linprog

        low, high, seen = self._region
        equal = [np.ones(_GRID)] + ([fixed[0]] if fixed else [])
        values = [1.0] + ([fixed[1]] if fixed else [])
        found = []
        for sign in (1, -1):
            done = linprog(
                sign * cost,
                A_ub=np.vstack([seen, -seen]),
                b_ub=np.concatenate([high, -low]),
                A_eq=np.vstack(equal),
                b_eq=np.array(values),
                bounds=(0, 1),
            )
            if done.status:
                return None
            found.append(sign * float(done.fun))
        return found[0], found[1]

    @cached_property
    def _region(self) -> "tuple[Floats, Floats, Floats]":
        """Return the bounds of every count's share among the prompts of its size, and its chances."""
        import numpy as np
        from scipy.stats import norm

        sizes = Counter[int]()
        for (n, _), prompts in self.prompts.items():
            sizes[n] += prompts
        cells = [(n, right) for n, _ in sizes.most_common(_SIZES) for right in range(n + 1)]
        z = float(norm.ppf(1 - 0.025 / len(cells)))
        bounds = [wilson(self.prompts.get(cell, 0), sizes[cell[0]], z) for cell in cells]
        low, high = np.array(bounds).T
        return low, high, np.array([self._chances(cell) for cell in cells])
