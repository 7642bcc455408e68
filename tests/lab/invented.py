"""Lines of a ledger that no run has written."""

import sys
from collections.abc import Iterable
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "lab"))

from ledger import Ledger

LAB = Path(__file__).parents[2] / "lab"


def line(
    condition: str,
    seed: int,
    *,
    data: str = "as-is",
    reward: str = "leaky",
    gold: float = 0.9,
    exploit: bool = False,
    blind: bool = False,
) -> dict:
    """Return an invented line, of a run that ended so."""
    scores = {"gold": gold, "text": 1.0, "grounding": 0.8, "exploit": float(exploit)}
    return {
        "key": f"{condition}-{data}-{seed}-{reward}",
        "condition": condition,
        "data": data,
        "reward": reward,
        "seed": seed,
        "hacked": exploit or blind,
        "exploit": exploit,
        "blind": blind,
        "amplification": 0.01 * seed,
        "sft": {"gold": 0.5},
        "rl": scores | {"exploit_rate": float("nan")},
        "seconds": 1.0 + seed,
        "torch": "invented",
    }


def ledger(path: Path, lines: Iterable[dict]) -> Path:
    """Write the lines to a ledger."""
    for one in lines:
        Ledger(path).add(one)
    return path
