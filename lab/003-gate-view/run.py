"""What does the gate see before RL? Every finished run's checkpoint, audited by the product's own commands.

python lab/003-gate-view/run.py --runs DIR [--ledger FILE] [--seeds 20] [--jobs 1] [--work DIR]

Enters a line a checkpoint into result.jsonl beside this file; what is in it is not looked at again.
"""

import argparse
import os
import sys
import time
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from ledger import Ledger, carry_out, product_version

Lines = list[dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, default=HERE.parent / "scratch", help="folder of 001's runs")
    parser.add_argument("--ledger", type=Path, default=HERE.parent / "001-four-conditions" / "result.jsonl")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--work", type=Path, default=HERE.parent / "scratch" / "003")
    parser.add_argument("--out", type=Path, default=HERE / "result.jsonl")
    asked = parser.parse_args()
    from unseen import hold_out

    hold_out(asked.work / "held-out")
    out = Ledger(asked.out)
    done = out.keys()
    todo = [
        (name, runs)
        for name, runs in finished(asked.ledger).items()
        if name not in done and runs[0]["seed"] < asked.seeds
    ]
    carry_out(todo, partial(view, asked.runs, asked.work), out, asked.jobs, say)


def finished(ledger: Path) -> dict[str, Lines]:
    """Return the RL runs of each checkpoint in a ledger of 001, in its order."""
    found = defaultdict(list)
    for line in Ledger(ledger).lines():
        found[line["key"].removesuffix(f"-{line['reward']}")].append(line)
    return dict(found)


def view(runs: Path, work: Path, task: tuple[str, Lines]) -> Lines:
    """Look at a checkpoint, and return its line, in a list."""
    import torch
    from unseen import hold_out
    from view import Subject, look

    torch.set_num_threads(1)
    name, lines = task
    began, worked = time.monotonic(), time.process_time()
    first = lines[0]
    subject = Subject(runs / name, first["seed"], [one["reward"] for one in lines])
    seen = look(subject, hold_out(work / "held-out"), work / "views", work / "answers" / str(os.getpid()))
    return [
        {
            "key": name,
            "condition": first["condition"],
            "seed": first["seed"],
            "product": product_version(),
            **seen,
            "seconds": round(time.monotonic() - began, 1),
            "of_processor": round(time.process_time() - worked, 1),
        }
    ]


def say(line: dict[str, Any]) -> None:
    verdicts = ", ".join(f"{name} {one['gate']}" for name, one in line["views"].items())
    print(f"{line['key']}: {verdicts}; {line['seconds']} s", flush=True)


if __name__ == "__main__":
    main()
