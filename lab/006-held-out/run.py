"""What does the gate do with defects that nobody foresaw? Two kinds, drawn from a list, and a clean control.

python lab/006-held-out/run.py [--seeds 5] [--jobs 2]

Enters a line a run into result.jsonl beside this file; runs that are in it are not run again.
"""

import json
import shutil
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from experiment import ask, carry_through
from held_out import plant
from kinds import drawn
from trainee.trial import AS_IS, BASE, LEAKY, SOUND, Trial, begin, carry_on
from world import CONDITIONS, World, write_world

import sft_audit

# The seed of the clean world that the probes are drawn from. A world of seed s draws its streams at 3 s to
# 3 s + 6; measuring, drift, RL's prompts and milestones at s + 1, 2, 3 and 4 million: none is at 15 million.
PROBED = 5_000_000


def main() -> None:
    asked = ask(__doc__, HERE, seeds=5, conditions=(*drawn(), AS_IS))
    trials = [
        Trial("clean", seed, (LEAKY, SOUND), data=kind)
        for seed in range(asked.seeds)
        for kind in asked.conditions
    ]
    pack = asked.runs / "pack"
    if not pack.is_dir():
        make_pack(asked.runs / "probed", pack)
    carry_through(asked, trials, partial(run, asked.runs, pack))


def make_pack(folder: Path, pack: Path) -> None:
    """Draw the probes from the audit of a clean world, as a user would."""
    world = write_world(folder / "world", CONDITIONS["clean"], PROBED)
    sft_audit.audit_data(world.rows, images=world.images, out=folder / "audit", workers=1)
    sft_audit.make_probes(folder / "audit", pack)


def run(runs: Path, pack: Path, trial: Trial) -> list[dict[str, Any]]:
    """Plant, audit the data, fine-tune, audit the checkpoint, and reinforce it."""
    folder = runs / trial.name
    start = begin(trial, folder, partial(prepare, trial))
    audit = folder / "checkpoint"
    if not audit.is_dir():
        said = runs / "said"  # the base is asked once for all runs
        sft_audit.audit_checkpoint(BASE, start.folder, pack, out=audit, cache=said, workers=1)
    seen = {
        "data": json.loads((folder / "data.json").read_text(encoding="utf-8")),
        "checkpoint": verdict(sft_audit.open_report(audit)),
    }
    return [carry_on(trial, start, reward, folder) | {"gate": seen} for reward in trial.rewards]


def prepare(trial: Trial, world: World, folder: Path) -> Mapping[str, Any]:
    """Plant the defect, audit what comes of it, and keep what the audit said in `data.json`."""
    planted = plant(trial.data, world, trial.seed, folder / "rows.json")
    out = folder / "data"
    report = sft_audit.audit_data(folder / "rows.json", images=world.images, out=out, workers=1)
    named = {one for one in report.findings["id"].to_pylist() if one is not None}
    seen = verdict(report) | {
        "meant": len(planted.meant),
        "changed": len(planted.changed),
        "changed_named": len(planted.changed & named),
        "others_named": len(named - planted.changed),
    }
    (folder / "data.json").write_text(json.dumps(seen), encoding="utf-8")
    shutil.rmtree(out)
    return {}


def verdict(report: sft_audit.Report) -> dict[str, Any]:
    """Return what an audit came to."""
    told = json.loads((report.folder / "verdict.json").read_text(encoding="utf-8"))
    return {key: told[key] for key in ("verdict", "axes", "findings", "reasons")}


if __name__ == "__main__":
    main()
