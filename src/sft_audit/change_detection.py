"""A change for the worse in a run, seen early, with few false alarms however often one looks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt

_MOST = 1e12  # beyond this the evidence is beyond doubt; without end it would be beyond all numbers
_STAKES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)  # shares of the most that may be staked; a sixth of the money each


@dataclass(slots=True)
class LevelDetector:
    """Evidence that values in [0, 1] have come to exceed a level on average, from some value on.

    Under the null hypothesis the mean of every value, given those before it, is at most `level`. A gambler
    bets against it, beginning anew with the t-th lot of values with the share 1 / (t (t + 1)) of the money,
    so that what came before the change costs no more than that share. `evidence` is the capital, of which one
    was there at the start: by Ville's inequality it ever reaches 1 / alpha with probability alpha at most,
    under any dependence between the values, and whenever one looks.

    Source: bets as in Waudby-Smith and Ramdas, arXiv:2010.09686, section 4; starts at every time as in the
    e-detectors of Shin, Ramdas and Rinaldo, arXiv:2203.03532, here with weights that sum to one.
    """

    level: float
    evidence: float = 0.0
    lots: int = 0
    _capital: list[float] = field(default_factory=lambda: [0.0] * len(_STAKES))

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise ValueError(f"a level lies between 0 and 1, not at {self.level}")

    def take(self, values: Sequence[float]) -> float:
        """Bet on a lot of values in [0, 1], in their order; return the evidence after the last."""
        if not values:
            return self.evidence
        self.lots += 1
        fresh = 1 / (self.lots * (self.lots + 1))
        self._capital = [capital + fresh for capital in self._capital]
        for value in values:
            if not 0 <= value <= 1:
                raise ValueError(f"the value {value} is not in [0, 1]")
            won = (value - self.level) / self.level
            self._capital = [
                min(capital * (1 + stake * won), _MOST)
                for capital, stake in zip(self._capital, _STAKES, strict=True)
            ]
        self.evidence = sum(self._capital) / len(_STAKES)
        return self.evidence


@dataclass(slots=True)
class Cusum:
    """Page's cumulative sum (1954) of values beyond a mean that its first values tell, in one direction.

    Of the first `settle` values, mean and standard deviation are taken; from then on the sum
    max(0, S + z - 1/2) is the evidence, where z counts how many shifts a value lies beyond the mean. `side`
    is 1 for a rise, -1 for a fall. The shift for which the sum is made (Hawkins and Olwell 1998, chapter 2)
    is one standard deviation, or `least` times the mean where that is more.
    """

    side: int
    settle: int = 20
    least: float = 0.0
    evidence: float = 0.0
    seen: int = 0
    mean: float = 0.0
    _squares: float = 0.0

    def take(self, value: float) -> float:
        """Add one finite value; return the sum after it."""
        self.seen += 1
        if self.seen <= self.settle:
            shift = value - self.mean
            self.mean += shift / self.seen
            self._squares += shift * (value - self.mean)
            return self.evidence
        # Values that did not vary while it settled tell no scale.
        if self.spread > 0:
            gone = self.side * (value - self.mean) / self.shift
            self.evidence = max(0.0, self.evidence + gone - 0.5)
        return self.evidence

    @property
    def spread(self) -> float:
        """Return the standard deviation of the first values."""
        return sqrt(self._squares / (self.settle - 1))

    @property
    def shift(self) -> float:
        """Return the shift for which the sum is made."""
        return max(self.spread, self.least * abs(self.mean))
