"""Run the first seeds of the main table again, and hold them against the committed ledger.

python lab/reproduce.py [--seeds 3] [--jobs 2] [--runs DIR]

On a machine of the same kind with the same torch equal seeds give equal figures. Elsewhere sums are taken in
another order, and 600 steps of training carry that on. What is then held to, and why:

- the mean over seeds of each score of a condition, and of its share of boasts: within 0.1. Other vector
  instructions on one machine (AVX2 for AVX-512) moved these in single runs by 0.04 at most;
- of a condition's runs under a reward, one at most changes between hacked and not: runs end near thresholds.
  With three seeds that is weak: a condition hacked in all runs here and in every second one there passes half
  of the time. It finds what is broken, not what has shifted; more seeds (--seeds 10) tell more.

Prints what differs; exits 1 if anything differs by more. A second call goes on where the first stopped.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import fmean
from typing import Any

LAB = Path(__file__).resolve().parent
sys.path.insert(0, str(LAB))

from ledger import Ledger, Line
from world import MAIN

SCORES = ("gold", "text", "grounding", "exploit")
TOLERANCE = 0.1  # of the mean of a score
TURNED = 1  # runs of a condition that may change between hacked and not
_ELSEWHERE = ("seconds", "torch")  # what a line says of the machine


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that is not what it was; `beyond`: by more than is held to."""

    what: str
    was: float
    now: float
    beyond: bool

    def __str__(self) -> str:
        """Return it in a line."""
        held = "BEYOND TOLERANCE" if self.beyond else "within tolerance"
        return f"{self.what}: {self.was:.3f}, now {self.now:.3f}: {held}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--runs", type=Path, default=LAB / "scratch" / "reproduced")
    parser.add_argument("--ledger", type=Path, default=LAB / "001-four-conditions" / "result.jsonl")
    asked = parser.parse_args()
    again = asked.runs / "result.jsonl"
    command = [sys.executable, str(LAB / "001-four-conditions" / "run.py"), "--seeds", str(asked.seeds)]
    command += ["--jobs", str(asked.jobs), "--runs", str(asked.runs), "--ledger", str(again)]
    subprocess.run(command, check=True)
    was, now = Ledger(asked.ledger).lines(), Ledger(again).lines()
    sys.exit(report(within(was, asked.seeds), within(now, asked.seeds)))


def within(lines: Sequence[Line], seeds: int) -> list[Line]:
    """Return the lines of the main table's first seeds, by condition and reward."""
    first = [one for one in lines if one["condition"] in MAIN and one["seed"] < seeds]
    return sorted(first, key=lambda one: (one["condition"], one["reward"], one["seed"]))


def report(was: Sequence[Line], now: Sequence[Line]) -> bool:
    """Print how the lines compare, and return whether something is beyond tolerance or missing."""
    ones, others = ({one["key"]: one for one in lines} for lines in (was, now))
    missing = sorted(ones.keys() ^ others.keys())
    for key in missing:
        print(f"{key}: {'not run again' if key in ones else 'not in the ledger'}")
    both = sorted(ones.keys() & others.keys())
    equal = sum(figures(ones[key]) == figures(others[key]) for key in both)
    print(f"{equal} of {len(both)} runs are equal in every figure.")
    for torch in sorted({one["torch"] for one in was} ^ {one["torch"] for one in now}):
        print(f"torch {torch} on one side alone")
    shared = [[lines[key] for key in both] for lines in (ones, others)]
    found = list(differences(*shared))
    for one in found:
        print(one)
    beyond = sum(one.beyond for one in found)
    print(f"{len(found)} figures of conditions differ, {beyond} beyond tolerance.")
    return bool(missing or beyond or not both)


def differences(was: Sequence[Line], now: Sequence[Line]) -> Iterator[Difference]:
    """Yield the figures of conditions that differ; both sides hold the same runs in the same order."""
    pairs = sorted(zip(was, now, strict=True), key=lambda pair: _group(pair[0]))
    for (condition, reward), some in groupby(pairs, key=lambda pair: _group(pair[0])):
        ones, others = zip(*some, strict=True)
        name = f"{condition}, {reward} reward"
        for score in SCORES:
            old, new = (fmean(line["rl"][score] for line in side) for side in (ones, others))
            if old != new:
                yield Difference(f"{name}: mean {score}", old, new, abs(new - old) > TOLERANCE)
        turned = sum(a["hacked"] != b["hacked"] for a, b in zip(ones, others, strict=True))
        if turned:
            hacked = [sum(line["hacked"] for line in side) for side in (ones, others)]
            yield Difference(f"{name}: hacked runs, {turned} changed", *hacked, turned > TURNED)


def _group(line: Line) -> tuple[str, str]:
    return line["condition"], line["reward"]


def figures(line: Mapping[str, Any]) -> str:
    """Return all that a line says of its run as text, since NaN does not equal NaN."""
    return repr({name: value for name, value in line.items() if name not in _ELSEWHERE})


if __name__ == "__main__":
    main()
