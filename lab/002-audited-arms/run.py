"""Do the audit's repairs prevent the harm? Rows audited and repaired before SFT, both rewards.

python lab/002-audited-arms/run.py [--seeds 10] [--jobs 2] [--conditions clean,all]
    [--as-is FILE] [--runs DIR]

Enters a line a run into result.jsonl beside this file; runs that are in it are not run again. Where the rows
stay as they are, the line is that of the run as it is, from the file of --as-is, and says so (`same_as`).
"""

import argparse
import json
import shutil
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from ledger import Ledger, Line, carry_out, product_version
from rebalance import fine_tune_rebalanced
from repair import ARMS, repair
from trainee.sft import fine_tune
from trainee.trial import LEAKY, SOUND, Trial, begin, carry_on
from world import CONDITIONS, MAIN, write_world

REWARDS = (LEAKY, SOUND)
Pair = tuple[Trial, ...]  # one condition and seed, in each arm


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--conditions", default=",".join(MAIN))
    parser.add_argument("--as-is", type=Path, default=HERE.parent / "001-four-conditions" / "result.jsonl")
    parser.add_argument("--runs", type=Path, default=HERE.parent / "scratch")
    parser.add_argument("--ledger", type=Path, default=HERE / "result.jsonl")
    asked = parser.parse_args()
    if unknown := [one for one in asked.conditions.split(",") if one not in CONDITIONS]:
        parser.error(f"--conditions {unknown[0]}: there are {', '.join(CONDITIONS)}")
    ledger = Ledger(asked.ledger)
    done = ledger.keys()
    as_is = {line["key"]: line for line in Ledger(asked.as_is).lines()}
    pairs = [
        tuple(Trial(condition, seed, REWARDS, data=arm) for arm in ARMS)
        for seed in range(asked.seeds)
        for condition in asked.conditions.split(",")
    ]
    todo = [pair for pair in pairs if not {one.key(reward) for one in pair for reward in REWARDS} <= done]
    ready = [pair for pair in todo if _keys_as_is(pair) <= as_is.keys()]
    if waiting := [pair[0] for pair in todo if pair not in ready]:
        names = ", ".join(f"{one.condition} {one.seed}" for one in waiting)
        print(f"{asked.as_is} has no runs as they are yet of {names}", file=sys.stderr)
    carry_out(ready, partial(run, asked.runs, as_is), ledger, asked.jobs, say)


def run(runs: Path, as_is: dict[str, Line], pair: Pair) -> list[dict[str, Any]]:
    """Carry out a condition and seed in each arm; a run that was carried out under another name is copied."""
    lines: list[dict[str, Any]] = []
    carried: dict[str, list[Line]] = {}  # the lines of runs on these rows, by what names the rows
    for trial in pair:
        folder = runs / trial.name
        about = repaired(trial, folder)
        rows = _name_of(about, folder)
        if not about["changed"] and not about["rebalanced"]:
            known = [as_is[key] for key in sorted(_keys_as_is(pair))]
        else:
            known = carried.get(rows, [])
        own = [_copied(one, trial, about) for one in known] or _trained(trial, folder, about)
        carried.setdefault(rows, own)
        lines += own
    return lines


def repaired(trial: Trial, folder: Path) -> dict[str, Any]:
    """Leave the trial's rows at `FOLDER/rows.json`; return what was done to them, kept in `about.json`."""
    kept = folder / "about.json"
    if not kept.is_file():
        world = write_world(folder / "audited", CONDITIONS[trial.condition], trial.seed)
        about = repair(world, trial.data, folder) | {"product": product_version()}
        shutil.rmtree(world.folder)
        kept.write_text(json.dumps(about), encoding="utf-8")
    return json.loads(kept.read_text(encoding="utf-8"))


def _trained(trial: Trial, folder: Path, about: dict[str, Any]) -> list[dict[str, Any]]:
    def prepare(*_: object) -> dict[str, Any]:  # the rows lie in the folder already
        return about

    train = fine_tune_rebalanced if about["rebalanced"] else fine_tune
    start = replace(begin(trial, folder, prepare, train), about=about)
    return [carry_on(trial, start, reward, folder) for reward in trial.rewards]


def _copied(line: Line, trial: Trial, about: dict[str, Any]) -> dict[str, Any]:
    own = {"key": trial.key(line["reward"]), "data": trial.data, "about": about}
    return {**line, **own, "same_as": line.get("same_as", line["key"])}


def _keys_as_is(pair: Pair) -> set[str]:
    return {replace(pair[0], data="as-is").key(reward) for reward in REWARDS}


def _name_of(about: dict[str, Any], folder: Path) -> str:
    """Return what names the rows of an arm, and how they are drawn."""
    return f"{about['rebalanced']} {(folder / 'rows.json').read_text(encoding='utf-8')}"


def say(line: dict[str, Any]) -> None:
    about, rl = line["about"], line["rl"]
    print(
        f"{line['key']}: wounds {about['audit']['wounds']}, {about['removed']} removed and "
        f"{about['rewritten']} rewritten of {about['planted']} planted, gold {rl['gold']:.2f}, "
        f"grounding {rl['grounding']:.2f}, {'HACKED' if line['hacked'] else 'not hacked'}"
        + (f" (as {line['same_as']})" if "same_as" in line else ""),
        flush=True,
    )


if __name__ == "__main__":
    main()
