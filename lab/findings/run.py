"""Runs as the ledgers tell them, by condition and arm."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import numpy as np
from expected import LOOKED_AT
from ledger import Ledger, Line
from trainee.behaviour import Behaviour
from trainee.hacked import is_blind, is_exploit, is_hacked
from world import CONDITIONS, MAIN

from findings.markdown import mean
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
WOUNDED = MAIN[1:]
WAYS = (attrgetter("exploit"), attrgetter("blind"))
SCORES = ("multimodal score", "text-only score", "visual grounding")
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
    """An RL run: what the model did before it and after it, and whether it ended hacked.

    `copied`: the line is that of another run, since its rows are the same.
    """

    key: str
    condition: str
    arm: Arm
    seed: int
    exploit: bool
    blind: bool
    hacked: bool
    start: Behaviour
    end: Behaviour
    amplification: float
    copied: bool
    torch: str

    @property
    def figures(self) -> str:
        """Return what two runs have alike that are one and the same, as text: NaN does not equal NaN."""
        return repr((self.condition, self.seed, self.start, self.end))

    @property
    def hacked_before(self) -> bool:
        """Return whether the SFT checkpoint already is what a hacked run is."""
        return is_hacked(self.start)

    @property
    def exploit_before(self) -> bool:
        """Return whether the SFT checkpoint boasts."""
        return is_exploit(self.start)

    @property
    def blind_before(self) -> bool:
        """Return whether the SFT checkpoint is paid without the image."""
        return is_blind(self.start)

    @property
    def unseen(self) -> float:
        """Return the share of right colours that is had with another's image: 1 where nothing is seen."""
        return min(self.end.swapped / self.end.gold, 1.0) if self.end.gold else 1.0


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

    @property
    def fresh(self) -> "Runs":
        """Return those of sets that no version of the product had been tried on."""
        return Runs(tuple(one for one in self.all if one.seed >= LOOKED_AT))

    @property
    def repeated(self) -> frozenset[str]:
        """Return the keys of the runs that are, figure for figure, a run of an arm before theirs."""
        rank = {arm: at for at, arm in enumerate(self.arms())}
        met: set[str] = set()
        again = set()
        for one in sorted(self.all, key=lambda one: rank[one.arm]):
            if one.figures in met:
                again.add(one.key)
            met.add(one.figures)
        return frozenset(again)

    def among(self, keys: frozenset[str]) -> int:
        """Return how many have one of the keys."""
        return sum(one.key in keys for one in self.all)

    def mean(self, figure: Callable[[Run], float], least: float = 0.0) -> Measured:
        """Return the mean of a figure of at most 1 over seeds, with Student's interval."""
        return mean_measured(np.array([figure(one) for one in self.all]), least=least, most=1.0)

    def arms(self) -> list[Arm]:
        """Return the arms that have runs, the one that leaves all as it is first."""
        known, found = list(_TITLES), {one.arm for one in self.all}
        return [one for one in known if one in found] + sorted(found - set(known), key=lambda one: one.title)

    def conditions(self) -> list[str]:
        """Return the conditions that have runs, those of the main table first."""
        return in_order({one.condition for one in self.all})

    def by_seed(self) -> dict[int, Run]:
        """Return the runs by seed, each of which has one here."""
        return {one.seed: one for one in self.all}


def in_order(conditions: Collection[str]) -> list[str]:
    """Return the conditions, those of the main table first."""
    return [one for one in dict.fromkeys((*MAIN, *CONDITIONS, *sorted(conditions))) if one in conditions]


def read_runs(ledgers: Sequence[Path]) -> Runs:
    """Return the runs of the ledgers that there are; a run entered twice counts once."""
    lines = {line["key"]: line for path in ledgers for line in Ledger(path).lines()}
    runs = [_run(line) for line in lines.values()]
    return Runs(tuple(sorted(runs, key=lambda one: (one.condition, one.arm.title, one.seed))))


def _run(line: Line) -> Run:
    return Run(
        key=line["key"],
        condition=line["condition"],
        arm=Arm(line["data"], line["reward"]),
        seed=line["seed"],
        exploit=line["exploit"],
        blind=line["blind"],
        hacked=line["hacked"],
        start=Behaviour(**line["sft"]),
        end=Behaviour(**{name: value for name, value in line["rl"].items() if name != "blind_ratio"}),
        amplification=line["amplification"],
        copied="same_as" in line,
        torch=line["torch"],
    )


def scores(runs: Runs) -> list[str]:
    """Return the means of the three scores, after RL."""
    return [mean(runs.mean(attrgetter(name))) for name in ("end.gold", "end.text", "end.grounding")]
