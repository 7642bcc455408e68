"""How does each failure look while it happens? The runs of seed 0 whose completions were kept.

python lab/001-four-conditions/trajectories.py [--runs DIR]

Reads what run.py left in DIR/CONDITION-as-is-0/leaky, and writes trajectories.json beside this file.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import pyarrow.parquet as pq
from findings.trajectory import WIDTH, Trajectory, Window, write_trajectories
from trainee.grpo import GENERATIONS, GROUPS
from trainee.measure import is_boast
from trainee.prompts import Prompt
from trainee.trial import AS_IS, LEAKY, Trial, pool
from trl.trainer.utils import RepeatSampler
from world import COLOURS

SEED = 0
SHOWN = ("clean", "leak-100", "rejected-5")  # nothing happens; RL is paid for blindness; RL finds the exploit


@dataclass(frozen=True, slots=True)
class Said:
    """A completion of RL, and the prompt that it was drawn for."""

    prompt: Prompt
    text: str
    reward: float

    @property
    def opening(self) -> str:
        """Return its first word."""
        return self.text.lower().split(" ")[0].strip(".,:;!")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, default=HERE.parent / "scratch")
    parser.add_argument("--out", type=Path, default=HERE / "trajectories.json")
    asked = parser.parse_args()
    write_trajectories(asked.out, [follow(asked.runs, condition) for condition in SHOWN])


def follow(runs: Path, condition: str) -> Trajectory:
    """Return a run of the condition by windows."""
    folder = runs / Trial(condition, SEED, data=AS_IS).name / LEAKY
    steps, log = list(said(folder)), json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    windows = [
        window([one for step in steps[at : at + WIDTH] for one in step], log[at : at + WIDTH])
        for at in range(0, len(steps), WIDTH)
    ]
    return Trajectory(condition, SEED, tuple(windows))


def said(folder: Path) -> Iterator[list[Said]]:
    """Yield the completions of each step.

    TRL logs no ids. The prompts are put beside them in the order in which its sampler draws them, and every
    question must then be the one that was logged.
    """
    prompts, order = pool(SEED), drawn()
    for path in sorted((folder / "completions").glob("*.parquet")):
        rows = pq.read_table(path).to_pylist()
        step = [Said(prompts[next(order)], row["completion"][0]["content"], row["reward"]) for row in rows]
        for one, row in zip(step, rows, strict=True):
            asked = row["prompt"][0]["content"][1]["text"]
            if asked != one.prompt.question:
                raise ValueError(f"{path}: {asked!r} is not {one.prompt.question!r}, which the sampler draws")
        yield step


def drawn() -> Iterator[int]:
    """Yield positions of prompts in the order of training, epoch after epoch."""
    sampler = RepeatSampler(pool(SEED), mini_repeat_count=GENERATIONS, batch_size=GROUPS, seed=SEED)
    while True:
        yield from sampler


def window(completions: list[Said], log: list[dict[str, Any]]) -> Window:
    """Return the figures of some steps, each to four places."""
    silent = [one for one in completions if one.prompt.tag != one.prompt.asked.colour]
    misled = [one for one in silent if one.prompt.tag in COLOURS]
    figures = {
        "reward": fmean(one.reward for one in completions),
        "right": fmean(one.opening == one.prompt.asked.colour for one in silent),
        "boasts": fmean(is_boast(one.text) for one in completions),
        "follows": fmean(one.opening == one.prompt.tag for one in misled),
        "flat": fmean(step["frac_reward_zero_std"] for step in log),
        "kl": fmean(step["kl"] for step in log),
        "entropy": fmean(step["entropy"] for step in log),
    }
    return Window(log[-1]["step"], **{name: round(value, 4) for name, value in figures.items()})


if __name__ == "__main__":
    main()
