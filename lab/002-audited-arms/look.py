"""What the product's data audit says of a set whose condition it does not know."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expected import FAMILIES

from sft_audit.session import Report, audit_data

RAISED = ("REVIEW", "BLOCK")


@dataclass(frozen=True, slots=True)
class Look:
    """An audit: the codes that its verdict names, and the ids of the rows that each of these flags."""

    report: Report
    raised: tuple[str, ...]
    flagged: Mapping[str, frozenset[str]]
    verdict: Mapping[str, Any]

    @property
    def wounds(self) -> list[int]:
        """Return the numbers of the wounds that are named."""
        return [wound for wound, family in FAMILIES.items() if any(one[:3] == family for one in self.raised)]

    @property
    def faults(self) -> list[str]:
        """Return the codes that are named and belong to no wound."""
        return [one for one in self.raised if one[:3] not in FAMILIES.values()]

    def told(self) -> dict[str, Any]:
        """Return verdict, wounds, faults, and the three numbers with their intervals, as JSON."""
        figures = {
            str(one["number"]): [one["value"], one["low"], one["high"]] for one in self.verdict["wounds"]
        }
        return {
            "verdict": self.report.verdict,
            "wounds": self.wounds,
            "faults": self.faults,
            "figures": figures,
            "reasons": list(self.report.reasons),
        }


def look(rows: Path, images: Path, out: Path) -> Look:
    """Audit a LLaVA file in this process, with default options; `out` is the audit's folder."""
    report = audit_data(rows, images=images, out=out, workers=1, thumbnails=False)
    verdict = json.loads((out / "verdict.json").read_text(encoding="utf-8"))
    if report.faults:
        raise RuntimeError(f"{out}: {report.faults}")
    raised = sorted({one["check"] for one in verdict["rulings"] if one["outcome"] in RAISED})
    columns = report.findings.select(["check", "id"]).to_pydict()
    pairs = list(zip(columns["check"], columns["id"], strict=True))
    flagged = {code: frozenset(row for by, row in pairs if by == code and row is not None) for code in raised}
    return Look(report, tuple(raised), flagged, verdict)
