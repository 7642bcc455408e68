"""The runs of one arm by seed, and what they tell alone and beside another arm's."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from inference.comparison import Paired, paired
from ledger import Ledger, Line

from findings.run import AS_IS, Arm
from sft_audit.interval import Rate
from sft_audit.representation.interval import Measured, mean_measured

Figure = Callable[[Line], float]


@dataclass(frozen=True, slots=True)
class Seeds:
    """A line a seed."""

    by_seed: Mapping[int, Line]

    @classmethod
    def of(cls, lines: Iterable[Line], condition: str, arm: Arm = AS_IS) -> "Seeds":
        """Return the lines of a condition in an arm, by seed."""
        own = [
            line
            for line in lines
            if (line["condition"], Arm(line["data"], line["reward"])) == (condition, arm)
        ]
        return cls({line["seed"]: line for line in sorted(own, key=lambda line: line["seed"])})

    @property
    def n(self) -> int:
        """Return how many there are."""
        return len(self.by_seed)

    @property
    def lines(self) -> list[Line]:
        """Return the lines, by seed."""
        return list(self.by_seed.values())

    @property
    def hacked(self) -> Rate:
        """Return the share that is hacked."""
        return Rate(sum(line["hacked"] for line in self.lines), self.n)

    def mean(self, figure: Figure, least: float = 0.0) -> Measured:
        """Return the mean of a figure of at most 1 over seeds, with Student's interval."""
        return mean_measured(np.array([figure(line) for line in self.lines]), least=least, most=1.0)

    def also_in(self, other: "Seeds") -> "Seeds":
        """Return those of the seeds that the other has too."""
        return Seeds({seed: line for seed, line in self.by_seed.items() if seed in other.by_seed})

    def less(self, other: "Seeds", figure: Figure) -> Paired | None:
        """Return a share's differences, own less other's, on the seeds that both have; None if on none."""
        own, others = self.differing(other, figure)
        return paired(own, others) if own else None

    def differing(self, other: "Seeds", figure: Figure) -> tuple[list[float], list[float]]:
        """Return a figure of both sides on the seeds that both have, in one order."""
        seeds = [seed for seed in self.by_seed if seed in other.by_seed]
        return [figure(self.by_seed[seed]) for seed in seeds], [figure(other.by_seed[seed]) for seed in seeds]


def read_lines(ledger: Path) -> list[Line]:
    """Return the lines of a ledger, none if it is not there; the last of a key counts."""
    return list({line["key"]: line for line in Ledger(ledger).lines()}.values())


def before(name: str) -> Figure:
    """Return the figure of this name after SFT."""
    return lambda line: float(line["sft"][name])


def after(name: str) -> Figure:
    """Return the figure of this name at the end."""
    return lambda line: float(line["rl"][name])


def spread(values: Sequence[float]) -> str:
    """Return the mean of counts and their range."""
    return f"{sum(values) / len(values):.0f} ({min(values):.0f} to {max(values):.0f})"
