"""Runs as the ledgers tell them, by condition and arm."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ledger import Ledger
from world import CONDITIONS, MAIN

from sft_audit.interval import Rate
from sft_audit.representation.interval import Measured, mean_measured


@dataclass(frozen=True, slots=True)
class Arm:
    """What was done to the rows before SFT, and what RL pays."""

    data: str
    reward: str

    @property
    def title(self) -> str:
        """Return it in words."""
        return _TITLES.get(self, f"data {self.data}, reward {self.reward}")


AS_IS = Arm("as-is", "leaky")
_TITLES = {
    AS_IS: "as it is",
    Arm("defaults", "leaky"): "data cleaned by default",
    Arm("advised", "leaky"): "data cleaned as advised",
    Arm("as-is", "sound"): "reward mended",
    Arm("as-is", "constrained"): "reward constrained",
    Arm("defaults", "sound"): "data by default, reward mended",
    Arm("advised", "sound"): "data as advised, reward mended",
    Arm("advised", "constrained"): "data as advised, reward constrained",
}


@dataclass(frozen=True, slots=True)
class Run:
    """An RL run's end: shares, and whether it is hacked; `gold_sft` is gold before RL."""

    condition: str
    arm: Arm
    seed: int
    exploit: bool
    blind: bool
    hacked: bool
    gold: float
    text: float
    grounding: float
    gold_sft: float
    amplification: float
    torch: str


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs, by seed within a condition and an arm."""

    all: tuple[Run, ...]

    def of(self, condition: str, arm: Arm = AS_IS) -> "Runs":
        """Return those of a condition in an arm."""
        return Runs(tuple(one for one in self.all if one.condition == condition and one.arm == arm))

    def count(self, is_so: Callable[[Run], bool]) -> Rate:
        """Return how many are so, a share of runs with Wilson's interval."""
        return Rate(sum(map(is_so, self.all)), len(self.all))

    @property
    def hacked(self) -> Rate:
        """Return the share that is hacked."""
        return self.count(lambda one: one.hacked)

    def mean(self, figure: Callable[[Run], float], least: float = 0.0) -> Measured:
        """Return the mean of a figure of at most 1 over seeds, with Student's interval."""
        return mean_measured(np.array([figure(one) for one in self.all]), least=least, most=1.0)

    def arms(self) -> list[Arm]:
        """Return the arms that have runs, the one that leaves all as it is first."""
        known, found = list(_TITLES), {one.arm for one in self.all}
        return [one for one in known if one in found] + sorted(found - set(known), key=lambda one: one.title)

    def conditions(self) -> list[str]:
        """Return the conditions that have runs, those of the main table first."""
        found = {one.condition for one in self.all}
        return [one for one in dict.fromkeys((*MAIN, *CONDITIONS, *sorted(found))) if one in found]

    def by_seed(self) -> dict[int, Run]:
        """Return the runs by seed, each of which has one here."""
        return {one.seed: one for one in self.all}


def read_runs(ledgers: Sequence[Path]) -> Runs:
    """Return the runs of the ledgers that there are; a run entered twice counts once."""
    lines = {line["key"]: line for path in ledgers for line in Ledger(path).lines()}
    runs = [
        Run(
            condition=line["condition"],
            arm=Arm(line["data"], line["reward"]),
            seed=line["seed"],
            exploit=line["exploit"],
            blind=line["blind"],
            hacked=line["hacked"],
            gold=line["rl"]["gold"],
            text=line["rl"]["text"],
            grounding=line["rl"]["grounding"],
            gold_sft=line["sft"]["gold"],
            amplification=line["amplification"],
            torch=line["torch"],
        )
        for line in lines.values()
    ]
    return Runs(tuple(sorted(runs, key=lambda one: (one.condition, one.arm.title, one.seed))))
