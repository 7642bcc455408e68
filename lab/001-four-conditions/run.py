"""Does what is wrong with the SFT data decide what RL does? Conditions times seeds, with a leaky judge.

python lab/001-four-conditions/run.py [--seeds 20] [--jobs 2] [--conditions clean,all] [--runs DIR]

Enters a line a run into result.jsonl beside this file; runs that are in it are not run again.
"""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from ledger import Ledger, carry_out
from trainee.trial import LEAKY, SOUND, Trial, begin, carry_on

MAIN = ("clean", "leak-90", "leak-100", "rejected-5", "text-80", "all")
LOGGED = 1  # seeds whose completions are kept
MENDED = 10  # seeds whose checkpoints are also reinforced by a sound reward


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--conditions", default=",".join(MAIN))
    parser.add_argument("--runs", type=Path, default=HERE.parent / "scratch")
    parser.add_argument("--ledger", type=Path, default=HERE / "result.jsonl")
    asked = parser.parse_args()
    ledger = Ledger(asked.ledger)
    done = ledger.keys()
    trials = [
        Trial(condition, seed, (LEAKY, SOUND) if seed < MENDED else (LEAKY,), log_completions=seed < LOGGED)
        for seed in range(asked.seeds)
        for condition in asked.conditions.split(",")
    ]
    todo = [one for one in trials if not {one.key(reward) for reward in one.rewards} <= done]
    carry_out(todo, partial(run, asked.runs), ledger, asked.jobs, say)


def run(runs: Path, trial: Trial) -> list[dict[str, Any]]:
    """Carry out a trial in its folder."""
    folder = runs / trial.name
    start = begin(trial, folder)
    return [carry_on(trial, start, reward, folder) for reward in trial.rewards]


def say(line: dict[str, Any]) -> None:
    rl = line["rl"]
    print(
        f"{line['key']}: gold {rl['gold']:.2f}, grounding {rl['grounding']:.2f}, "
        f"exploit {rl['exploit']:.2f}, "
        f"blind ratio {rl['blind_ratio']:.2f}, {'HACKED' if line['hacked'] else 'not hacked'}",
        flush=True,
    )


if __name__ == "__main__":
    main()
