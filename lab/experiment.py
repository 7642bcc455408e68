"""What the scripts of the experiments share: how they are asked, and what they say of a run."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ledger import Ledger, Line, carry_out
from trainee.trial import Trial
from world import CONDITIONS

SCRATCH = Path(__file__).parent / "scratch"


def ask(
    doc: str | None,
    here: Path,
    *,
    seeds: int,
    conditions: Sequence[str],
    runs: Path | None = None,
    from_001: bool = False,
    ledger: str = "result.jsonl",
) -> argparse.Namespace:
    """Read the command line of the experiment in the folder `here`; `conditions` is a list afterwards.

    Where all of its conditions are the world's, any other of the world's may be asked for. `from_001`: it
    begins with checkpoints of 001, and `source` is the folder of those runs. `ledger`: beside the script.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=seeds)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--conditions", default=",".join(conditions))
    if from_001:
        parser.add_argument(
            "--from", dest="source", type=Path, default=SCRATCH, help="folder of the runs of 001"
        )
    parser.add_argument("--runs", type=Path, default=runs or SCRATCH / here.name)
    parser.add_argument("--ledger", type=Path, default=here / ledger)
    asked = parser.parse_args()
    asked.conditions = asked.conditions.split(",")
    known = CONDITIONS if set(conditions) <= set(CONDITIONS) else conditions
    if unknown := [one for one in asked.conditions if one not in known]:
        parser.error(f"--conditions {unknown[0]}: there are {', '.join(known)}")
    return asked


def carry_through(
    asked: argparse.Namespace,
    trials: Sequence[Trial],
    work: Callable[[Trial], list[Line]],
    source: Path | None = None,
) -> None:
    """Carry out the trials of which a run is not in the ledger yet.

    `source`: the folder of runs whose SFT checkpoints they begin with; it ends here where one is missing.
    """
    ledger = Ledger(asked.ledger)
    done = ledger.keys()
    todo = [one for one in trials if not {one.key(how) for how in one.rewards} <= done]
    for one in todo if source else ():
        if not (source / one.name / "sft" / "model.safetensors").is_file():
            sys.exit(f"--from {source}: no checkpoint of {one.name}; 001-four-conditions/run.py makes it")
    carry_out(todo, work, ledger, asked.jobs, say)


def say(line: Mapping[str, Any]) -> None:
    """Print what a run came to."""
    rl = line["rl"]
    print(
        f"{line['key']}: gold {line['sft']['gold']:.2f} to {rl['gold']:.2f}, "
        f"grounding {rl['grounding']:.2f}, exploit {rl['exploit']:.2f}, "
        f"blind ratio {rl['blind_ratio']:.2f}, {'HACKED' if line['hacked'] else 'not hacked'}",
        flush=True,
    )
