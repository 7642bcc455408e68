"""Where is the balance of text and images, and do rebalancing and curriculum mend it?

python lab/005-balance/run.py [--seeds 5] [--jobs 2] [--conditions share-80,ramp]

Enters a line a run into result.jsonl beside this file; runs that are in it are not run again.
"""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from experiment import ask, carry_through
from trainee.milestones import Milestones
from trainee.order import Schedule
from trainee.sft import BATCH, STEPS, fine_tune
from trainee.trial import AS_IS, LEAKY, Trial, begin, carry_on
from world import Condition

from sft_audit.demo.tiny_vlm import TinyVlm

SHARES = {
    f"share-{text}": Condition(f"share-{text}", text=text / 100) for text in (0, 10, 30, 50, 70, 80, 90)
}
UNBALANCED = "share-80"
SCHEDULES = {
    "rebalanced": Schedule(0.7, 0.7),
    "even": Schedule(0.5, 0.5),
    "ramp": Schedule(0.2, 0.8),
    "ramp-scarce": Schedule(0.05, 0.35),
    "ramp-easy": Schedule(0.2, 0.8, easy_first=True),
}


def main() -> None:
    asked = ask(__doc__, HERE, seeds=5, conditions=(*SHARES, *SCHEDULES))
    trials = [trial(name, seed) for seed in range(asked.seeds) for name in asked.conditions]
    carry_through(asked, trials, partial(run, asked.runs))


def trial(name: str, seed: int) -> Trial:
    """Return the trial of a text share, or of a schedule at 80 % text."""
    if name in SHARES:
        return Trial(name, seed, (LEAKY,), doses=SHARES[name])
    return Trial(UNBALANCED, seed, (LEAKY,), data=name, doses=SHARES[UNBALANCED])


def run(runs: Path, trial: Trial) -> list[dict[str, Any]]:
    """Fine-tune as scheduled, and reinforce."""
    folder = runs / trial.name
    start = begin(trial, folder, train=partial(train, trial.data))
    metrics, milestones = (
        json.loads((start.folder / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("metrics", "milestones")
    )
    losses = [{"step": one["step"], "loss": one["loss"]} for one in metrics]
    curve = {"losses": losses, "milestones": milestones}
    return [carry_on(trial, start, reward, folder) | curve for reward in trial.rewards]


def train(data: str, base: Path, rows: Path, images: Path, out: Path, *, seed: int) -> TinyVlm:
    """Fine-tune the base, and write `milestones.json` beside the model."""
    order = () if data == AS_IS else SCHEDULES[data].order(rows, images, STEPS * BATCH, seed)
    asked = Milestones(seed)
    vlm = fine_tune(base, rows, images, out, seed=seed, order=order, callbacks=[asked])
    reached = {f"{gold:.0%}": asked.reached(gold) for gold in (0.5, 0.9)}
    kept = {"gold": asked.gold, "reached": reached}
    (out / "milestones.json").write_text(json.dumps(kept), encoding="utf-8")
    return vlm


if __name__ == "__main__":
    main()
