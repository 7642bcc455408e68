"""The exploit tails that an audit of the SFT data found: what a judge writes, among its answers."""

import json
import logging
from pathlib import Path
from typing import Any

from sft_audit.errors import AuditError
from sft_audit.store import read_manifest

log = logging.getLogger(__name__)

_MOST = 8
_SHORTEST = 4
_SOURCE = "PRF302"


def read_tails(audit: Path | None) -> tuple[str, ...]:
    """Return the markers that a finished data audit found among supervised answers, the commonest first.

    Raises AuditError where the folder is not a finished audit of a data set.
    """
    if audit is None:
        return ()
    import duckdb

    read_manifest(audit)
    verdict = _verdict(audit)
    if verdict.get("subject") != "data":
        raise AuditError(
            f"{audit}: this is no audit of a data set, and knows no tails; give --sft-audit a folder that "
            "`sft-audit data` wrote"
        )
    asked = {one["check"] for one in verdict["evidence"] if one["state"] == "gathered"}
    if _SOURCE not in asked:
        log.warning("%s: %s was not asked there, so that no tail is known; none is tried", audit, _SOURCE)
    path = audit / "findings.parquet"
    if not path.is_file():
        raise AuditError(f"{path}: no such file; give the folder of a finished data audit")
    with duckdb.connect() as db:
        rows = db.execute(
            """
            select trim(json_extract_string(evidence, '$.marker')) as marker
            from read_parquet($path)
            where "check" = $source
            group by marker
            having length(marker) >= $shortest
            order by count(*) desc, marker
            limit $most
            """,
            {"path": str(path), "source": _SOURCE, "shortest": _SHORTEST, "most": _MOST},
        ).fetchall()
    return tuple(marker for (marker,) in rows)


def _verdict(audit: Path) -> dict[str, Any]:
    try:
        verdict: dict[str, Any] = json.loads((audit / "verdict.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise AuditError(f"{audit}: verdict.json cannot be read; run the audit again") from None
    return verdict
