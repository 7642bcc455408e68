"""Rows repaired as the product's own audit says; the condition is not known here."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from look import Look, look
from rows import alike, contents
from world import World

from sft_audit.check import all_checks
from sft_audit.errors import AuditError
from sft_audit.remedies import clean
from sft_audit.remedies.rewriters import all_rewriters

DEFAULTS, ADVISED = "defaults", "advised"
ARMS = (DEFAULTS, ADVISED)
TEXT_OUTWEIGHS = "MOD501"


def repair(world: World, arm: str, folder: Path) -> dict[str, Any]:
    """Audit the world, leave its rows as the arm repairs them at `FOLDER/rows.json`, and say what was done.

    `unsafe`: the checks whose unsafe remedy was asked for; `stopped`: what a guard said; `forced`: whether it
    was gone on with; `rebalanced`: whether the rows are to be drawn so that more have an image.
    """
    seen = look(world.rows, world.images, folder / "audit")
    unsafe = advised(seen) if arm == ADVISED else []
    repaired, stopped = _clean(seen, folder, unsafe, insist=arm == ADVISED)
    shutil.copyfile(repaired or world.rows, folder / "rows.json")
    done = {
        "unsafe": unsafe,
        "stopped": stopped,
        "forced": bool(stopped and repaired),
        "rebalanced": arm == ADVISED and TEXT_OUTWEIGHS in seen.raised,
        "changed": (folder / "rows.json").read_bytes() != world.rows.read_bytes(),
    }
    after = look(folder / "rows.json", world.images, folder / "audit-after") if done["changed"] else seen
    counted = _counted(world, contents(folder / "rows.json"))
    for made in ("audit", "audit-after", "cleaned"):
        shutil.rmtree(folder / made, ignore_errors=True)
    return done | counted | {"audit": seen.told(), "after": after.told()}


def advised(seen: Look) -> list[str]:
    """Return the checks that the verdict names and whose findings have a remedy that needs consent."""
    columns = seen.report.findings.select(["check", "remedy", "evidence", "status"]).to_pylist()
    return sorted(
        {
            one["check"]
            for one in columns
            if one["check"] in seen.raised and one["status"] == "open" and _needs_consent(one)
        }
    )


def _needs_consent(finding: Mapping[str, Any]) -> bool:
    known = all_checks()[finding["check"]]
    can = finding["remedy"] == "drop" or (finding["remedy"] == "rewrite" and known.code in all_rewriters())
    safe = known.safe and json.loads(finding["evidence"] or "{}").get("safe") is not False
    return can and not safe


def _clean(seen: Look, folder: Path, unsafe: list[str], *, insist: bool) -> tuple[Path | None, str]:
    """Return the repaired file, none where a guard stopped it; and what the guard said."""
    out = folder / "cleaned"
    try:
        return clean(seen.report.folder, out, unsafe=unsafe).files[0], ""
    except AuditError as fault:
        if "--force" not in str(fault):
            raise
        files = clean(seen.report.folder, out, unsafe=unsafe, force=True).files if insist else ()
        return (files[0] if files else None), str(fault)


def _counted(world: World, now: Mapping[str, str]) -> dict[str, Any]:
    """Return how many rows were planted, removed, rewritten; of these, how many sound; what was left."""
    before, planted = contents(world.rows), world.planted()
    bad = alike(planted.rows, before)
    removed = before.keys() - now.keys()
    rewritten = {one for one in now if now[one] != before[one]}
    left = {
        defect: sum(one in now and one not in rewritten for one in ids) for defect, ids in planted.ids.items()
    }
    return {
        "planted": len(planted.rows),
        "removed": len(removed),
        "rewritten": len(rewritten),
        "planted_left": left,
        "sound_removed": sum(before[one] not in bad for one in removed),
        "sound_rewritten": sum(before[one] not in bad for one in rewritten),
    }
