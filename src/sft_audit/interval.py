"""Rates with their intervals."""

from collections.abc import Collection
from dataclasses import dataclass
from math import ceil, inf, sqrt

Z95 = 1.959963984540054
_FEW = 10  # clusters


@dataclass(frozen=True, slots=True)
class Rate:
    """`k` of `n` looked at, of `population` that exist; the interval is about the whole population.

    Without a population it is about more of the same kind, however many.

    Wilson's score interval (Wilson 1927) with the finite population correction (Cochran 1977, section 2.6):
    when every row was looked at (`n == population`) the share is known and the interval is a point.
    """

    k: int
    n: int
    population: float = inf

    @property
    def value(self) -> float:
        """Return the share k / n, 0 when nothing was looked at."""
        return self.k / self.n if self.n else 0.0

    @property
    def low(self) -> float:
        """Return the lower end of the 95 % interval."""
        return self._bounds()[0]

    @property
    def high(self) -> float:
        """Return the upper end of the 95 % interval."""
        return self._bounds()[1]

    def unseen_below(self, limit: float) -> int:
        """Return the least `n` at which `k` = 0 puts the upper end at or below a limit above 0.

        With k = 0 the upper end is z² / (n + z²), z² corrected for the finite population.
        """
        z2 = Z95 * Z95 * (1 - limit)
        return ceil(z2 * self.population / (limit * (self.population - 1) + z2))

    def _bounds(self) -> tuple[float, float]:
        if not self.n:
            return 0.0, 1.0
        if self.n >= self.population:
            return self.value, self.value
        left = 1.0 if self.population == inf else (self.population - self.n) / (self.population - 1)
        return wilson(self.k, self.n, Z95 * sqrt(left))


def wilson(k: float, n: float, z: float = Z95) -> tuple[float, float]:
    """Return Wilson's score interval for k successes in n trials (Wilson 1927).

    Fractions stand for the number of independent trials that clustered ones are worth.
    """
    if not n:
        return 0.0, 1.0
    share, z2 = k / n, z * z
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = z / (1 + z2 / n) * sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    low = 0.0 if k == 0 else max(0.0, centre - half)
    high = 1.0 if k == n else min(1.0, centre + half)
    return low, high


Spread = tuple[float, float, float]  # a share, and both ends of its interval


def ratio_of_shares(one: Spread, other: Spread) -> tuple[float, float]:
    """Return the interval of one / other, two independent shares with intervals of the same level (MOVER-R).

    Either may be 0: the upper end is infinite where the other's interval reaches 0.

    Source: Donner and Zou 2012, Statistical Methods in Medical Research 21(4), 347-359; Newcombe 2016,
    the same 25(5), 1774-1778. The lower end is written so that it divides by no difference.
    """
    (p, p_low, p_high), (q, q_low, q_high) = one, other
    below = p_low * (2 * p - p_low)
    root = sqrt(max((p * q) ** 2 - below * q_high * (2 * q - q_high), 0.0))
    low = below / (p * q + root) if below > 0 else 0.0
    least = q_low * (2 * q - q_low)
    if least <= 0:
        return low, inf
    return low, (p * q + sqrt(max((p * q) ** 2 - p_high * (2 * p - p_high) * least, 0.0))) / least


def difference_of_shares(one: Spread, other: Spread, alike: float = 0.0) -> tuple[float, float]:
    """Return the interval of one - other, two shares with intervals of the same level.

    `alike` is their correlation: 0 of independent shares, that of `pair_correlation` where they are of pairs.

    Source: Newcombe 1998, Statistics in Medicine 17(8), 873-890 (independent) and 17(22), 2635-2650 (pairs).
    """
    (p, p_low, p_high), (q, q_low, q_high) = one, other
    below, above = (p - p_low, q_high - q), (p_high - p, q - q_low)
    low, high = (sqrt(max(a * a - 2 * alike * a * b + b * b, 0.0)) for a, b in (below, above))
    return p - q - low, p - q + high


def pair_correlation(both: int, one: int, other: int, neither: int) -> float:
    """Return the correlation of two shares of pairs, corrected for continuity where it is above 0 (Newcombe).

    So many pairs show something on both sides, on one alone, on the other alone, and on neither.
    """
    sides = (both + one) * (other + neither) * (both + other) * (one + neither)
    told = float(both * neither - one * other)
    if told > 0:
        told = max(told - (both + one + other + neither) / 2, 0.0)
    return told / sqrt(sides) if sides else 0.0


@dataclass(frozen=True, slots=True)
class Clustered:
    """Sums over so many clusters of k, of n, of k^2, of k n and of n^2: k of n in each show something.

    The interval is Wilson's at the sample size that the clusters are worth: at most n, less the degrees of
    freedom that the estimate of their variance costs (Korn and Graubard 1998). Few tell hardly how alike a
    cluster is, none nothing: where what is shown, or what is not, lies in fewer than 10 clusters, at most the
    number of clusters.
    """

    many: int
    k: int
    n: int
    kk: int
    kn: int
    nn: int

    @classmethod
    def of(cls, clusters: Collection[tuple[int, int]]) -> "Clustered":
        """Return the sums over clusters, each told by its k and n."""
        return cls(
            len(clusters),
            sum(k for k, _ in clusters),
            sum(n for _, n in clusters),
            sum(k * k for k, _ in clusters),
            sum(k * n for k, n in clusters),
            sum(n * n for _, n in clusters),
        )

    @property
    def spread(self) -> Spread:
        """Return the share and its 95 % interval; 0 to 1 where nothing was looked at."""
        from scipy.special import stdtrit

        if not self.n:
            return 0.0, 0.0, 1.0
        share = self.k / self.n
        variance = (self.kk - 2 * share * self.kn + share**2 * self.nn) / self.n**2
        worth = float(self.many)
        if 0 < self.k < self.n and self.many > 1 and variance > 0:
            plain = share * (1 - share) / (variance * self.many / (self.many - 1))
            most = self.n if self._telling >= _FEW else self.many
            worth = min(plain * (Z95 / float(stdtrit(self.many - 1, 0.975))) ** 2, most)
        return share, *wilson(share * worth, worth)

    @property
    def _telling(self) -> float:
        """Return in how many clusters of equal counts it would lie, or its absence (Kish 1965)."""
        rest, squares = self.n - self.k, self.nn - 2 * self.kn + self.kk
        return min(self.k**2 / self.kk, rest**2 / squares)
