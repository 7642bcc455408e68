"""Does what is wrong with the SFT data come back in DPO? From the checkpoints of 001.

python lab/004-dpo/run.py --from FOLDER_OF_001_RUNS [--seeds 5] [--jobs 2]

Enters a line a run into result.jsonl beside this file; runs that are in it are not run again.
"""

import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from experiment import ask, carry_through
from trainee.dpo import draw_pairs, prefer
from trainee.measure import behave, is_boast
from trainee.trial import LEAKY, Trial, entry, load_reward, pool, take_up
from world import MAIN

DPO = "dpo"


def main() -> None:
    asked = ask(__doc__, HERE, seeds=5, conditions=MAIN, from_001=True)
    trials = [Trial(condition, seed, (DPO,)) for seed in range(asked.seeds) for condition in asked.conditions]
    carry_through(asked, trials, partial(run, asked.source, asked.runs), asked.source)


def run(source: Path, runs: Path, trial: Trial) -> list[dict[str, Any]]:
    """Draw pairs from a checkpoint of 001, prefer, and measure."""
    start, began = take_up(source / trial.name / "sft", trial.seed), time.time()
    judge = load_reward(LEAKY)
    prompts = pool(trial.seed)
    pairs = draw_pairs(start.vlm, prompts, judge, trial.seed)
    end = prefer(start.folder, pairs, runs / trial.name / DPO, seed=trial.seed)
    line = entry(trial, start, DPO, behave(end, judge, trial.seed), began)
    counted = {
        "prompts": len(prompts),
        "pairs": len(pairs),
        "chosen_boasts": sum(is_boast(one.chosen) for one in pairs),
        "rejected_boasts": sum(is_boast(one.rejected) for one in pairs),
    }
    return [line | {"pairs": counted}]


if __name__ == "__main__":
    main()
