"""Does clean data ground the model better when SFT takes twice as long? The condition clean again, 800 steps.

python lab/001-four-conditions/longer.py [--seeds 20] [--jobs 2] [--runs DIR]

Enters a line a run into result_longer.jsonl beside this file; runs that are in it are not run again.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from experiment import SCRATCH, ask, carry_through
from trainee.sft import STEPS, fine_tune
from trainee.trial import LEAKY, Trial, begin, carry_on
from world import CONDITIONS

LONGER = "clean-longer"


def main() -> None:
    asked = ask(__doc__, HERE, seeds=20, conditions=(LONGER,), runs=SCRATCH, ledger="result_longer.jsonl")
    trials = [Trial(LONGER, seed, (LEAKY,), doses=CONDITIONS["clean"]) for seed in range(asked.seeds)]
    carry_through(asked, trials, partial(run, asked.runs))


def run(runs: Path, trial: Trial) -> list[dict[str, Any]]:
    """Fine-tune for twice the steps on clean data as it is, and reinforce."""
    folder = runs / trial.name
    start = begin(trial, folder, train=partial(fine_tune, steps=2 * STEPS))
    return [carry_on(trial, start, reward, folder) for reward in trial.rewards]


if __name__ == "__main__":
    main()
