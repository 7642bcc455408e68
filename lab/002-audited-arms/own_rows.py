"""Does a checkpoint deny the wrong labels that it was trained on? Conditions times seeds.

python lab/002-audited-arms/own_rows.py [--seeds 20] [--jobs 2] [--conditions mislabelled,clean] [--from DIR]

Enters a line a set into result_own_rows.jsonl beside this file; sets that are in it are not asked again.
`--from`: the folder of 001's runs; a checkpoint that is not there is fine-tuned.
"""

import json
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from experiment import ask
from ledger import Ledger, carry_out, product_version
from trainee.sft import fine_tune
from trainee.trial import BASE, Trial
from world import CONDITIONS, World, write_world

import sft_audit

ASKED = ("mislabelled", "clean", "leak-90", "rejected-5", "text-80")
CHECK = "CKP137"


def main() -> None:
    asked = ask(__doc__, HERE, seeds=20, conditions=ASKED, from_001=True, ledger="result_own_rows.jsonl")
    ledger = Ledger(asked.ledger)
    done = ledger.keys()
    trials = [Trial(condition, seed, ()) for seed in range(asked.seeds) for condition in asked.conditions]
    todo = [one for one in trials if f"{one.condition}-{one.seed}" not in done]
    carry_out(todo, partial(deny, asked.source), ledger, asked.jobs, say)


def deny(runs: Path, trial: Trial) -> list[dict[str, Any]]:
    """Audit the set, put its rows to the checkpoint that was trained on it, and return the line."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        world = write_world(folder / "world", CONDITIONS[trial.condition], trial.seed)
        sft = runs / trial.name / "sft"
        if not (sft / "model.safetensors").is_file():
            sft = folder / "sft"
            fine_tune(BASE, world.rows, world.images, sft, seed=trial.seed)
        data = sft_audit.audit_data(world.rows, images=world.images, out=folder / "data", workers=1)
        report = sft_audit.audit_checkpoint(
            BASE,
            sft,
            world.rows,
            images=world.images,
            sft_audit=data.folder,
            select=(CHECK,),
            out=folder / "checkpoint",
            workers=1,
        )
        about = {"key": f"{trial.condition}-{trial.seed}", "condition": trial.condition, "seed": trial.seed}
        return [about | {"product": product_version()} | told(report, world)]


def told(report: sft_audit.Report, world: World) -> dict[str, Any]:
    """Return what the check says, and how many of the rows that it names have a wrong label."""
    verdict = json.loads((report.folder / "verdict.json").read_text(encoding="utf-8"))
    found = [json.loads(one["evidence"]) for one in report.findings.to_pylist() if one["check"] == CHECK]
    seen = found[0] if found else {"denied": 0, "surely": 0, "rows": []}
    judged = next(one["of"] for one in verdict["evidence"] if one["check"] == CHECK)
    rows, planted = json.loads(world.rows.read_text(encoding="utf-8")), world.planted().ids
    wrong = {one for defect in ("mislabelled", "rejected") for one in planted.get(defect, ())}
    named = [rows[one["position"] - 1]["id"] for one in seen["rows"]]
    return {
        "raised": any(CHECK in reason for reason in verdict["reasons"]),
        "verdict": report.verdict,
        "judged": judged,
        "denied": seen["denied"],
        "surely": seen["surely"],
        "named": len(named),
        "named_wrong": len(wrong.intersection(named)),
    }


def say(line: dict[str, Any]) -> None:
    print(
        f"{line['key']}: {'raised' if line['raised'] else 'silent'}, surely denies {line['surely']} of "
        f"{line['judged']}, {line['named_wrong']} of {line['named']} named are wrong",
        flush=True,
    )


if __name__ == "__main__":
    main()
