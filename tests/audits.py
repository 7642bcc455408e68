"""Audit folders as the audits write them, with evidence of one's choice."""

import json
from pathlib import Path

from sft_audit.check import find_check
from sft_audit.interval import Rate
from sft_audit.tables import SCHEMA_VERSION


def piece(code: str, k: int = 0, n: int = 1000, of: float | None = 1000, **fields: object) -> dict:
    """Return an entry of `evidence` for a check: k of n flagged, of a population (none: unbounded)."""
    check = find_check(code)
    rate = Rate(k, n, float("inf") if of is None else of)
    return {
        "check": check.code,
        "name": check.name,
        "axis": check.axis,
        "state": "gathered",
        "preview": check.preview,
        "findings": k,
        "flagged": k,
        "of": n,
        "population": of,
        "share": rate.value,
        "low": rate.low,
        "high": rate.high,
        "score": None,
        "score_high": None,
        "foremost": None,
        **fields,
    }


SOUND = ("INT101", "INT102", "GRD201", "GRD202", "PRF301", "PRF302")


def sound(**other: dict) -> list[dict]:
    """Return evidence on blindness, exploit and integrity without a fault, some of it replaced by code."""
    return [other.get(code, piece(code)) for code in SOUND] + [
        one for code, one in other.items() if code not in SOUND
    ]


def write_audit(folder: Path, evidence: list[dict], **fields: object) -> Path:
    """Write an audit folder; `fields` are of verdict.json, but `ignore` (waivers) of the configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    configuration = {"ignore": fields.pop("ignore", [])}
    verdict = {
        "subject": "data",
        "samples": 1000,
        "malformed": 0,
        "ignored": {},
        "not_asked": [],
        "evidence": evidence,
        **fields,
    }
    (folder / "verdict.json").write_text(json.dumps(verdict), encoding="utf-8")
    manifest = {"schema_version": SCHEMA_VERSION, "configuration": configuration}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder
