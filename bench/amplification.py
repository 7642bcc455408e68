"""How often the interval of an amplification covers, where completions of a group are alike.

python bench/amplification.py [--runs 2000] [-o FILE]. So many groups of eight before RL, ten times as many
after; a group is of one mind with the share's probability, and each of its completions follows it, or is
drawn for itself, so that two of them correlate as the table says.
"""

import argparse
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from sft_audit.interval import Clustered, Rate, Spread, ratio_of_shares

GROUP = 8
GROUPS, SHARES, ALIKE, RATIOS = (8, 16, 32), (0.02, 0.05, 0.1, 0.3), (0.2, 0.5, 0.8), (1, 3)


@dataclass(frozen=True)
class Covered:
    """How many of some runs an interval covers the ratio in, and its lower end exceeds twice the ratio in."""

    groups: int
    share: float
    ratio: int
    alike: float
    covers: Rate
    twice: int


def spread(rng: np.random.Generator, groups: int, share: float, alike: float) -> Spread:
    """Draw groups and return their share with its interval."""
    mind = (rng.random(groups) < share)[:, None]
    own = rng.random((groups, GROUP)) < share
    k = np.where(rng.random((groups, GROUP)) < alike**0.5, mind, own).sum(axis=1)
    total = int(k.sum())
    return Clustered(
        groups, total, groups * GROUP, int((k * k).sum()), GROUP * total, groups * GROUP**2
    ).spread


def measure(groups: int, share: float, ratio: int, alike: float, runs: int) -> Covered:
    """Simulate one set-up."""
    rng = np.random.default_rng(0)
    covers = twice = 0
    for _ in range(runs):
        before = spread(rng, groups, share, alike)
        low, high = ratio_of_shares(spread(rng, 10 * groups, ratio * share, alike), before)
        covers += low <= ratio <= high
        twice += low > 2 * ratio
    return Covered(groups, share, ratio, alike, Rate(covers, runs), twice)


def page(rows: list[Covered]) -> str:
    """Return the table as Markdown."""
    least = min(rows, key=lambda one: one.covers.k)
    lines = [
        "# The interval of an amplification",
        "",
        f"`python bench/amplification.py`: groups of {GROUP}, ten times as many after RL as before, and",
        f"{least.covers.n:,} runs a row. Covers: how often the 95 % interval of the ratio holds it, with the",
        f"interval of that count. The least of {len(rows)} rows is {least.covers.value:.1%}",
        f"({least.covers.low:.1%} to {least.covers.high:.1%}).",
        "",
        "| groups before | share before | ratio | correlation | covers | 95 % | lower end above twice it |",
        "|---:|---:|---:|---:|---:|---|---:|",
    ]
    lines += [
        f"| {one.groups} | {one.share:.0%} | {one.ratio} | {one.alike} | {one.covers.value:.1%} "
        f"| {one.covers.low:.1%} to {one.covers.high:.1%} | {one.twice} |"
        for one in rows
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Simulate every set-up and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("-o", type=Path, default=Path(__file__).parent / "results" / "amplification.md")
    given = parser.parse_args()
    rows = [measure(*setup, given.runs) for setup in product(GROUPS, SHARES, RATIOS, ALIKE)]
    given.o.write_text(page(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
