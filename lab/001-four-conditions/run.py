"""Does what is wrong with the SFT data decide what RL does? Conditions times seeds, with a leaky judge.

python lab/001-four-conditions/run.py [--seeds 20] [--jobs 2] [--conditions clean,all] [--runs DIR]

Enters a line a run into result.jsonl beside this file; runs that are in it are not run again.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from experiment import SCRATCH, ask, carry_through
from trainee.trial import LEAKY, SOUND, Trial, begin, carry_on
from world import MAIN

LOGGED = 1  # seeds whose completions are kept
MENDED = 10  # seeds whose checkpoints are also reinforced by a sound reward


def main() -> None:
    asked = ask(__doc__, HERE, seeds=20, conditions=MAIN, runs=SCRATCH)
    trials = [
        Trial(condition, seed, (LEAKY, SOUND) if seed < MENDED else (LEAKY,), log_completions=seed < LOGGED)
        for seed in range(asked.seeds)
        for condition in asked.conditions
    ]
    carry_through(asked, trials, partial(run, asked.runs))


def run(runs: Path, trial: Trial) -> list[dict[str, Any]]:
    """Carry out a trial in its folder."""
    folder = runs / trial.name
    start = begin(trial, folder)
    return [carry_on(trial, start, reward, folder) for reward in trial.rewards]


if __name__ == "__main__":
    main()
