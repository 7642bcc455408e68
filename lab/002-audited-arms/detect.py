"""Does the audit, blind to the condition, name the planted wound? Every condition times seeds.

python lab/002-audited-arms/detect.py [--seeds 20] [--clean-seeds 100] [--jobs 2] [--conditions clean,all]

Enters a line a set into result_detect.jsonl beside this file; sets that are in it are not audited again.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from expected import EXPECTED
from ledger import Ledger, carry_out, product_version
from look import Look, look
from rows import alike, contents
from world import CONDITIONS, World, write_world


@dataclass(frozen=True, slots=True)
class DataSet:
    """A set that is drawn: a condition and a seed."""

    condition: str
    seed: int

    @property
    def key(self) -> str:
        """Return its key in the ledger."""
        return f"{self.condition}-{self.seed}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--clean-seeds", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--conditions", default=",".join(CONDITIONS))
    parser.add_argument("--scratch", type=Path, help="Folder for what is removed again.")
    parser.add_argument("--ledger", type=Path, default=HERE / "result_detect.jsonl")
    asked = parser.parse_args()
    ledger = Ledger(asked.ledger)
    done = ledger.keys()
    sets = [
        DataSet(condition, seed)
        for condition in asked.conditions.split(",")
        for seed in range(asked.clean_seeds if condition == "clean" else asked.seeds)
    ]
    todo = sorted((one for one in sets if one.key not in done), key=lambda one: one.seed)
    carry_out(todo, partial(detect, asked.scratch), ledger, asked.jobs, say)


def detect(scratch: Path | None, one: DataSet) -> list[dict[str, Any]]:
    """Write the set, audit it, and return its line."""
    with TemporaryDirectory(dir=scratch) as folder:
        world = write_world(Path(folder) / "world", CONDITIONS[one.condition], one.seed)
        began = time.time()
        seen = look(world.rows, world.images, Path(folder) / "audit")
        seconds = round(time.time() - began, 1)
        about = {"key": one.key, "condition": one.condition, "seed": one.seed, "product": product_version()}
        return [about | seen.told() | held_against(world, seen, one.condition) | {"seconds": seconds}]


def held_against(world: World, seen: Look, condition: str) -> dict[str, Any]:
    """Return what was planted, what each check found of it, and what those found that it concerns."""
    expected, content = EXPECTED[condition], contents(world.rows)
    planted = {defect: alike(ids, content) for defect, ids in world.planted().ids.items()}
    every = frozenset().union(*planted.values())
    flagged = {code: alike(ids, content) for code, ids in seen.flagged.items()}
    concerned = frozenset().union(*(rows for code, rows in flagged.items() if expected.flags(code)))
    return {
        "seen": expected.seen_in(seen.wounds, seen.faults),
        "planted": {defect: len(rows) for defect, rows in planted.items()},
        "checks": {
            code: {"rows": len(rows)} | {defect: len(rows & bad) for defect, bad in planted.items()}
            for code, rows in flagged.items()
        },
        "planted_rows": len(every),
        "flagged_rows": len(concerned),
        "hits": len(every & concerned),
    }


def say(line: dict[str, Any]) -> None:
    print(
        f"{line['key']}: {line['verdict']}, wounds {line['wounds']}, faults {line['faults']}, "
        f"{line['hits']} of {line['planted_rows']} planted rows among {line['flagged_rows']} flagged, "
        f"{'seen' if line['seen'] else 'NOT SEEN'}",
        flush=True,
    )


if __name__ == "__main__":
    main()
