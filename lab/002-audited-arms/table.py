"""What the audit named, and what its repairs came to: the tables of README.md, as Markdown.

python lab/002-audited-arms/table.py [--detected FILE] [--ledger FILE] [--as-is FILE]
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from math import inf, nan, sqrt
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from expected import EXPECTED
from ledger import Ledger
from repair import ADVISED, ARMS
from scipy.special import stdtrit

from sft_audit.exact import clopper_pearson
from sft_audit.interval import wilson

COLUMNS = (
    *("reward", "condition", "data", "runs (copied)", "gold", "less clean's (t 95 %)", "grounding"),
    *("hacked (Wilson)", "planted", "removed (sound)", "rewritten (sound)", "left", "wounds after"),
)
MARGIN, MOST_HACKED, MOST_REMOVED = -0.05, 0.15, 1.5
AS_IS = "as-is"
CLEAN = "clean"
Lines = Sequence[Mapping[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--detected", type=Path, default=HERE / "result_detect.jsonl")
    parser.add_argument("--ledger", type=Path, default=HERE / "result.jsonl")
    parser.add_argument("--as-is", type=Path, default=HERE.parent / "001-four-conditions" / "result.jsonl")
    asked = parser.parse_args()
    print("\n".join(detected(Ledger(asked.detected).lines())))
    runs = Ledger(asked.ledger).lines()
    ran = {(line["condition"], line["seed"]) for line in runs}
    as_is = Ledger(asked.as_is).lines()
    beside = [line for line in as_is if (line["condition"], line["seed"]) in ran]
    gold = {
        (line["reward"], line["seed"]): line["rl"]["gold"] for line in as_is if line["condition"] == CLEAN
    }
    print("\n".join(repaired([*beside, *runs], gold)))
    print("\n".join(asked_of([line for line in runs if line["data"] == ADVISED], gold)))


def detected(lines: Lines) -> list[str]:
    """Return the table of what was named."""
    out = [
        "| condition | sets | seen (Wilson 95 %) | also named | recall of rows | precision of rows |",
        "|---|---|---|---|---|---|",
    ]
    for condition, expected in EXPECTED.items():
        own = [line for line in lines if line["condition"] == condition]
        if own:
            others = [
                name
                for line in own
                for name in (
                    *(f"wound {n}" for n in line["wounds"] if n not in expected.wounds),
                    *line["faults"],
                )
                if name not in expected.faults
            ]
            also = ", ".join(f"{name} {others.count(name)}" for name in sorted(set(others))) or "-"
            seen = _share(sum(line["seen"] for line in own), len(own))
            out.append(
                f"| {condition} | {len(own)} | {seen} | {also} "
                f"| {_rate(own, 'hits', 'planted_rows')} | {_rate(own, 'hits', 'flagged_rows')} |"
            )
    return out


def repaired(lines: Lines, clean_gold: Mapping[tuple[str, int], float]) -> list[str]:
    """Return the table of the arms beside the runs as they are, of the same seeds."""
    out = [
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
    ]
    cells = {(line["reward"], line["condition"], line["data"]): None for line in lines}
    places = {condition: at for at, condition in enumerate(EXPECTED)}
    for reward, condition, data in sorted(
        cells, key=lambda c: (c[0], places[c[1]], (AS_IS, *ARMS).index(c[2]))
    ):
        own = [x for x in lines if (x["reward"], x["condition"], x["data"]) == (reward, condition, data)]
        copied = sum("same_as" in line for line in own)
        hacked = _share(sum(line["hacked"] for line in own), len(own))
        out.append(
            f"| {reward} | {condition} | {data} | {len(own)} ({copied}) "
            f"| {_mean(own, 'gold'):.3f} | {_spelled(_less(own, clean_gold))} "
            f"| {_mean(own, 'grounding'):.3f} | {hacked} | {_done(own)} |"
        )
    return out


def asked_of(lines: Lines, clean_gold: Mapping[tuple[str, int], float]) -> list[str]:
    """Return what was asked of the advised arm, and whether it holds."""
    wounded = [line for line in lines if line["condition"] != CLEAN]
    conditions = sorted({line["condition"] for line in wounded})
    out = [""]
    for reward in sorted({line["reward"] for line in wounded}, reverse=True):
        paid = [line for line in wounded if line["reward"] == reward]
        for condition in conditions:
            less = _less([line for line in paid if line["condition"] == condition], clean_gold)
            holds = "shown" if less[1] > MARGIN else "not shown"
            out.append(
                f"- {reward}, {condition}: gold {_spelled(less)} of clean's; not 5 points worse: {holds}"
            )
        k, n = sum(line["hacked"] for line in paid), len(paid)
        low, high = clopper_pearson(k, n)
        holds = "holds" if high <= MOST_HACKED else "does not hold"
        out.append(
            f"- {reward}: {k} of {n} runs hacked ({low:.1%} to {high:.1%}, exact); at most 15 %: {holds}"
        )
    removed = [line["about"]["removed"] - MOST_REMOVED * line["about"]["planted"] for line in lines]
    over = sum(one > 0 for one in removed)
    out.append(f"- {over} of {len(lines)} runs removed more than 1.5 times the rows that were planted")
    return out


def _less(own: Lines, clean_gold: Mapping[tuple[str, int], float]) -> tuple[float, float, float]:
    """Return the mean of gold less the clean run's of that seed, with Student's t interval of 95 %."""
    pairs = [(line["rl"]["gold"], clean_gold.get((line["reward"], line["seed"]))) for line in own]
    found = [gold - clean for gold, clean in pairs if clean is not None]
    if len(found) < 2:
        return (found[0] if found else nan), -inf, inf
    half = float(stdtrit(len(found) - 1, 0.975)) * stdev(found) / sqrt(len(found))
    return fmean(found), fmean(found) - half, fmean(found) + half


def _spelled(less: tuple[float, float, float]) -> str:
    return "{:+.3f} ({:+.3f} to {:+.3f})".format(*less)


def _done(own: Lines) -> str:
    about = [line["about"] for line in own if line["about"]]
    if not about:
        return "- | - | - | - | -"
    left = fmean(sum(one["planted_left"].values()) for one in about)
    after = [wound for one in about for wound in one["after"]["wounds"]]
    named = ", ".join(f"{wound}: {after.count(wound)}" for wound in sorted(set(after))) or "none"
    counts = {
        name: fmean(one[name] for one in about)
        for name in ("planted", "removed", "sound_removed", "rewritten", "sound_rewritten")
    }
    return (
        f"{counts['planted']:.0f} | {counts['removed']:.0f} ({counts['sound_removed']:.0f}) "
        f"| {counts['rewritten']:.0f} ({counts['sound_rewritten']:.0f}) | {left:.0f} | {named}"
    )


def _mean(own: Lines, name: str) -> float:
    return fmean(line["rl"][name] for line in own)


def _share(k: int, n: int) -> str:
    low, high = wilson(k, n)
    return f"{k} of {n} ({low:.0%} to {high:.0%})"


def _rate(own: Lines, k: str, n: str) -> str:
    of = sum(line[n] for line in own)
    return f"{sum(line[k] for line in own) / of:.3f}" if of else "-"


if __name__ == "__main__":
    main()
