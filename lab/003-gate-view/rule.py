"""Which figures had before RL tell how it ends, and how good is a rule that blocks by two of them?

python lab/003-gate-view/rule.py [--ledger FILE] [--views FILE]

Prints the tables, and writes them to result.json, README.md and ARGUMENT.md beside this file.
"""

import argparse
import json
import math
import sys
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from agreement import agreement
from calibration import calibrated, levels
from correlations import correlations
from pairs import left_out, rules, under_sound
from runs import read_runs
from tables import write_tables
from verdicts import levels_of_policy, verdicts


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ledger", type=Path, default=HERE.parent / "001-four-conditions" / "result.jsonl")
    parser.add_argument("--views", type=Path, default=HERE / "result.jsonl")
    asked = parser.parse_args()
    runs = read_runs(asked.views, asked.ledger)
    if not runs:
        parser.error(f"no run of --ledger {asked.ledger} has a view in --views {asked.views}")
    leaky, sound = ([run for run in runs if run.reward == name] for name in ("leaky", "sound"))
    result = _finite(
        {
            "runs": len(runs),
            "seeds": len({run.seed for run in runs}),
            "products": dict(Counter(run.product for run in leaky)),
            "correlations": correlations(leaky),
            "rules": rules(leaky),
            "left_out": left_out(leaky),
            "calibrated": calibrated(leaky),
            "levels": levels(leaky),
            "sound": under_sound(leaky, sound),
            "policy": levels_of_policy(),
            "verdicts": {"leaky": verdicts(leaky), "sound": verdicts(sound)},
            "agreement": agreement(leaky),
        }
    )
    rows = ",\n".join(f"{json.dumps(name)}: {json.dumps(part)}" for name, part in result.items())
    (HERE / "result.json").write_text(f"{{\n{rows}\n}}\n", encoding="utf-8")
    write_tables(result, HERE)


def _finite(value: Any) -> Any:
    """Return the value with none where JSON has no number."""
    match value:
        case dict():
            return {key: _finite(one) for key, one in value.items()}
        case list() | tuple():
            return [_finite(one) for one in value]
        case float() if not math.isfinite(value):
            return None
        case float():
            return round(value, 5)
    return value


if __name__ == "__main__":
    main()
