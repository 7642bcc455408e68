"""Lines of a ledger that no run has written."""

import sys
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "lab"))

from ledger import Ledger
from trainee.behaviour import Behaviour

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
    blind_before: bool = False,
) -> dict:
    """Return an invented line, of a run that ended so."""
    before = dict.fromkeys((one.name for one in fields(Behaviour)), 0.0) | {"gold": 0.5, "swapped": 0.1}
    after = before | {"gold": gold, "text": 1.0, "grounding": 0.8, "exploit": float(exploit)}
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
        "sft": before | ({"proxy": 0.9, "proxy_blind": 0.9} if blind_before else {}),
        "rl": after | {"exploit_rate": float("nan"), "blind_ratio": 1.0},
        "seconds": 1.0 + seed,
        "torch": "invented",
    }


def ledger(path: Path, lines: Iterable[dict]) -> Path:
    """Write the lines to a ledger."""
    for one in lines:
        Ledger(path).add(one)
    return path
