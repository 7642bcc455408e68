"""The monitor on real GRPO runs of TRL, leaky and healthy, and on long healthy ones.

HF_HUB_OFFLINE=1 python bench/watch.py --runs DIR [--seeds 10]; prints Markdown.

Runs that are not in DIR yet are made (bench/watched_runs.py), each is audited once, and the monitor watches
what the audit read: with all of it there, a change of the monitor is judged in seconds.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from healthy import redrawn, simulated
from watched_runs import CLEAN, GENERATIONS, LASTING, LEAKY, SOUND, Arm, run

import sft_audit
from sft_audit.change_detection import LevelDetector
from sft_audit.exact import clopper_pearson
from sft_audit.monitor.episode import Step
from sft_audit.monitor.monitor import Monitor
from sft_audit.monitor.watcher import Alarm
from sft_audit.record.series import read_steps
from sft_audit.store import Store

TAKEN_OVER = 0.2
ALPHA, LEVEL, LOTS, LOT = 0.05, 0.02, 313, 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--sound", type=int, default=10)
    parser.add_argument("--lasting", type=int, default=3)
    parser.add_argument("--long", type=int, default=10, help="redrawn and simulated runs of each kind")
    parser.add_argument("--steps", type=int, default=1000, help="steps of each of them")
    parser.add_argument("--sequences", type=int, default=500)
    asked = parser.parse_args()
    leaky(asked)
    healthy(CLEAN, asked.seeds, asked.runs)
    healthy(SOUND, asked.sound, asked.runs)
    lasting(asked)
    guarantee(asked.sequences)


def leaky(asked: argparse.Namespace) -> None:
    """Tell when the monitor alarms, and when the exploit has a fifth of the completions."""
    print("\n## A leaky judge\n")
    print("| seed | first alarm | by | exploits then | alarm of reward | exploits pass 20 % | at the end |")
    print("|---:|---:|---|---:|---:|---:|---:|")
    early = paid_early = 0
    for seed in range(asked.seeds):
        steps = steps_of(LEAKY, seed, asked.runs)
        shares = {step.number: exploits(step) for step in steps}
        over = next((number for number, share in shares.items() if share > TAKEN_OVER), None)
        alarms = [one for one in watch(steps) if one.grade == "alarm"]
        first = min(alarms, key=lambda one: one.step, default=None)
        paid = next((one.step for one in alarms if one.measure == "exploit_pay"), None)
        early += first is not None and (over is None or first.step < over)
        paid_early += paid is not None and (over is None or paid < over)
        told = f"{first.step} | {first.measure} | {shares[first.step]:.1%}" if first else "- | - | -"
        print(f"| {seed} | {told} | {paid or '-'} | {over or '-'} | {steps_end(steps):.1%} |")
    print(
        f"\nEarlier than 20 %: {of(early, asked.seeds)}; by the reward alone {of(paid_early, asked.seeds)}."
    )


def healthy(arm: Arm, seeds: int, runs: Path) -> None:
    """Tell what is said of runs whose judge is sound."""
    print(f"\n## {arm.name}: {arm.polluted:.0%} of the SFT rows polluted, a sound judge\n")
    print("| seed | right, first | right, end | exploits, first | end | alarms | notices |")
    print("|---:|---:|---:|---:|---:|---|---|")
    silent = 0
    for seed in range(seeds):
        steps = steps_of(arm, seed, runs)
        alarms = watch(steps)
        told = {
            grade: ", ".join(f"{one.measure} at {one.step}" for one in alarms if one.grade == grade) or "-"
            for grade in ("alarm", "notice")
        }
        silent += told["alarm"] == "-"
        rights = [mean(one.reading == "right" for one in step.episodes) for step in steps]
        print(
            f"| {seed} | {rights[0]:.0%} | {mean(rights[-10:]):.0%} | {exploits(steps[0]):.1%} "
            f"| {steps_end(steps):.1%} | {told['alarm']} | {told['notice']} |"
        )
    print(f"\nWithout an alarm: {of(silent, seeds)}.")


def lasting(asked: argparse.Namespace) -> None:
    """Count what is said in long healthy runs, in a thousand steps."""
    print("\n## Long healthy runs\n")
    print("| runs | steps | alarms | a thousand steps | notices | a thousand steps | by measure |")
    print("|---|---:|---:|---:|---:|---:|---|")
    real = [steps_of(LASTING, seed, asked.runs) for seed in range(asked.lasting)]
    clean = [steps_of(CLEAN, seed, asked.runs) for seed in range(asked.seeds)]
    many, own = range(asked.long), [*real, *clean]
    kinds: dict[str, list[Sequence[Step]]] = {
        "GRPO": real,
        "GRPO, 60 steps": clean,
        "redrawn": [redrawn(own[seed % len(own)], asked.steps, seed) for seed in many if own],
        "simulated": [simulated(asked.steps, seed) for seed in many],
    }
    for kind, runs in kinds.items():
        said = [one for steps in runs for one in watch(steps)]
        told = Counter(one.measure for one in said)
        n = sum(len(steps) for steps in runs)
        alarms = sum(one.grade == "alarm" for one in said)
        by = ", ".join(f"{name} {k}" for name, k in told.most_common()) or "-"
        print(
            f"| {kind}, {len(runs)} | {n:,} | {alarms} | {per_thousand(alarms, n)} "
            f"| {len(said) - alarms} | {per_thousand(len(said) - alarms, n)} | {by} |"
        )


def guarantee(sequences: int) -> None:
    """Count the sequences at the level that ever reach the evidence of 1 / alpha."""
    print(f"\n## {sequences} sequences of {LOTS * LOT:,} values whose mean is the level\n")
    print("| values | level | reach 20 | 95 % interval |")
    print("|---|---:|---:|---|")
    for name, draw in NULLS.items():
        for level in (LEVEL, 0.3):
            reached = sum(reaches(draw, level, np.random.default_rng(seed)) for seed in range(sequences))
            low, high = clopper_pearson(reached, sequences)
            print(f"| {name} | {level} | {reached} | {low:.2%} to {high:.2%} |", flush=True)


NULLS = {
    "Bernoulli": lambda rng, level, _: rng.random(LOT) < level,
    "Beta": lambda rng, level, _: rng.beta(level, 1 - level, LOT),
    "means of groups of 8": lambda rng, level, _: rng.binomial(GENERATIONS, level, LOT) / GENERATIONS,
    "Bernoulli once there is evidence, else the level": lambda rng, level, evidence: (
        rng.random(LOT) < level if evidence > 0.01 else np.full(LOT, level)
    ),
}


def reaches(draw, level: float, rng) -> bool:
    """Return whether one sequence ever has the evidence."""
    detector = LevelDetector(level)
    return any(
        detector.take(draw(rng, level, detector.evidence).astype(float).tolist()) >= 1 / ALPHA
        for _ in range(LOTS)
    )


@cache
def steps_of(arm: Arm, seed: int, runs: Path) -> list[Step]:
    """Return the steps of a run as its audit read them."""
    audit = runs / "audits" / f"{arm.name}-{seed}"
    if not (audit / "verdict.json").is_file():
        sft_audit.audit_run(run(arm, seed, runs), generations=GENERATIONS, out=audit)
    store = Store(audit, "1GB", 1, read_only=True)
    try:
        return list(read_steps(store))
    finally:
        store.close()


def watch(steps: Sequence[Step]) -> list[Alarm]:
    """Return everything that the monitor says of a run."""
    monitor = Monitor()
    for step in steps:
        monitor.take(step)
    return monitor.alarms


def exploits(step: Step) -> float:
    return mean(bool(one.exploits) for one in step.episodes)


def steps_end(steps: Sequence[Step]) -> float:
    return mean(exploits(step) for step in steps[-10:])


def mean(held) -> float:
    held = list(held)
    return sum(held) / len(held)


def of(k: int, n: int) -> str:
    low, high = clopper_pearson(k, n)
    return f"{k} of {n} ({low:.0%} to {high:.0%})"


def per_thousand(k: int, n: int) -> str:
    """Return a rate with its exact 95 % interval (Garwood 1936)."""
    from scipy.special import gammaincinv

    low = gammaincinv(k, 0.025) if k else 0.0
    return (
        f"{1000 * k / n:.2f} ({1000 * low / n:.2f} to {1000 * gammaincinv(k + 1, 0.975) / n:.2f})"
        if n
        else "-"
    )


if __name__ == "__main__":
    main()
