"""The exploit tails that an audit of the SFT data found: what a judge writes, among its answers."""

from pathlib import Path

from sft_audit.errors import AuditError
from sft_audit.store import read_manifest

_MOST = 8
_SHORTEST = 4
_SOURCE = "PRF302"


def read_tails(audit: Path | None) -> tuple[str, ...]:
    """Return the markers that a finished data audit found among supervised answers, the commonest first.

    Raises AuditError where the folder is not a finished audit.
    """
    if audit is None:
        return ()
    import duckdb

    read_manifest(audit)
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
