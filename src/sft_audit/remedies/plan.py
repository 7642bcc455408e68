"""What is to be done: which checks' remedies apply, and to which rows."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sft_audit.check import all_checks, find_check
from sft_audit.errors import AuditError
from sft_audit.remedies.rewriters import all_rewriters
from sft_audit.store import Store

STRUCTURE = "INT101"  # the check whose remedy also mends what stands between rows
_BATCH = 4096

# The open findings about which something is done, given `treated(plan)`.
TREATED = """
    select *
    from findings
    where status = 'open'
      and list_contains($codes, "check")
      and (list_contains($asked, "check") or json_extract_string(evidence, '$.safe') is distinct from 'false')
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """The codes of the checks whose rows are dropped, of those whose rows are rewritten, of those asked for.

    Of a check that was not asked for, findings whose evidence says `"safe": false` are left alone.
    """

    drops: frozenset[str]
    rewrites: frozenset[str]
    asked: frozenset[str]

    @property
    def codes(self) -> list[str]:
        """Return every code, sorted."""
        return sorted(self.drops | self.rewrites)


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file of the data set, as the audit saw it. `mend`: what stands between its rows is to be mended."""

    file: str
    path: str
    container: str
    n_bytes: int
    content_hash: str
    rows: int
    audited: int
    mend: bool
    touched: int


@dataclass(frozen=True, slots=True)
class Cause:
    """One finding that has a remedy."""

    check: str
    message: str
    finding_id: str
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """One row, where it lies, and the findings for which something is done about it, by code."""

    position: int
    line: int
    start: int
    stop: int
    id: str | None
    source: str
    row_hash: str
    causes: tuple[Cause, ...]


def make_plan(unsafe: Sequence[str]) -> Plan:
    """Return the plan: every safe remedy, and those that were asked for by code or name."""
    asked = frozenset(find_check(code).code for code in unsafe)
    for code in sorted(asked):
        remedy = all_checks()[code].remedy
        if remedy not in ("drop", "rewrite"):
            raise AuditError(f"--unsafe {code}: its remedy is {remedy!r}; waive it or edit the rows")
        if remedy == "rewrite" and code not in all_rewriters():
            raise AuditError(f"--unsafe {code}: nothing here rewrites such rows; waive it or edit them")
    chosen = [c for c in all_checks().values() if c.subject == "data" and (c.safe or c.code in asked)]
    return Plan(
        drops=frozenset(c.code for c in chosen if c.remedy == "drop"),
        rewrites=frozenset(c.code for c in chosen if c.remedy == "rewrite" and c.code in all_rewriters()),
        asked=asked,
    )


def unasked(store: Store, plan: Plan) -> dict[str, int]:
    """Return the rows, by code, for which there is a remedy that was not asked for."""
    remedies = [c.code for c in all_checks().values() if c.remedy == "drop" or c.code in all_rewriters()]
    rows = store.rows(
        f"""
        select "check", count(distinct sample_id)
        from findings
        where status = 'open'
          and sample_id is not null
          and list_contains($remedies, "check")
          and finding_id not in (select finding_id from ({TREATED}))
        group by "check"
        order by "check"
        """,
        {**treated(plan), "remedies": remedies},
    )
    return dict(rows)


def treated(plan: Plan) -> dict[str, list[str]]:
    """Return the parameters of TREATED."""
    return {"codes": plan.codes, "asked": sorted(plan.asked)}


def input_files(store: Store, plan: Plan) -> list[InputFile]:
    """Return the files of the data set, in order."""
    rows = store.rows(
        f"""
        with treated as ({TREATED}), touched as (
            select file, count(distinct sample_id) as touched
            from treated join samples using (sample_id)
            group by file
        ), damaged as (
            select file from problems where sample_id is null
            union
            select file from samples where malformed
        )
        select
            file, path, container, n_bytes, content_hash, rows, audited,
            file in (from damaged) and $structure in (select "check" from treated),
            coalesce(touched, 0)
        from files left join touched using (file)
        order by file
        """,
        {**treated(plan), "structure": STRUCTURE},
    )
    return [InputFile(*row) for row in rows]


def planned_rows(store: Store, plan: Plan, file: str) -> Iterator[PlannedRow]:
    """Stream every row of a file in order."""
    batches = store.batches(
        f"""
        with treated as ({TREATED}), causes as (
            select
                sample_id,
                list([("check"), message, finding_id, evidence] order by "check", turn, finding_id) as causes
            from treated
            group by sample_id
        )
        select position, line, byte_offset, n_bytes, samples.id, source, row_hash, causes
        from samples left join causes using (sample_id)
        where file = $file
        order by position
        """,
        _BATCH,
        {**treated(plan), "file": file},
    )
    for batch in batches:
        columns = (column.to_pylist() for column in batch.columns)
        for position, line, start, n_bytes, name, source, row_hash, causes in zip(*columns, strict=True):
            found = tuple(_cause(*one) for one in causes or ())
            yield PlannedRow(position, line, start, start + n_bytes, name, source, row_hash, found)


def _cause(code: str, message: str, finding_id: str, evidence: str | None) -> Cause:
    return Cause(code, message, finding_id, json.loads(evidence or "{}"))
