"""Does the constitution inside the run stop an exploit while the judge leaks?

python lab/007-constitution/run.py --from FOLDER_OF_001_RUNS [--seeds 10] [--jobs 2]

Enters a line a run into result.jsonl beside this file; runs that are in it are not run again.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from experiment import ask, carry_through
from trainee.trial import CONSTRAINED, Trial, carry_on, load_reward, take_up

CONDITIONS = ("rejected-5", "all", "clean")


def main() -> None:
    asked = ask(__doc__, HERE, seeds=10, conditions=CONDITIONS, from_001=True)
    trials = [
        Trial(condition, seed, (CONSTRAINED,))
        for seed in range(asked.seeds)
        for condition in asked.conditions
    ]
    carry_through(asked, trials, partial(run, asked.source, asked.runs), asked.source)


def run(source: Path, runs: Path, trial: Trial) -> list[dict[str, Any]]:
    """Reinforce a checkpoint of 001 under the judge that is held to the constitution."""
    start = take_up(source / trial.name / "sft", trial.seed)
    judge = load_reward(CONSTRAINED)
    line = carry_on(trial, start, CONSTRAINED, runs / trial.name, judge)
    return [line | {"violations": dict(judge.violations)}]


if __name__ == "__main__":
    main()
