"""What stops a plan: a repair that takes too much of a source is more often a mistake than a repair."""

from collections.abc import Sequence
from dataclasses import dataclass

from sft_audit.errors import AuditError
from sft_audit.remedies.plan import STRUCTURE, TREATED, Plan, treated
from sft_audit.store import Store

LARGEST_SHARE = 0.2
FEWEST_ROWS = 10  # a share of a handful of rows says nothing


@dataclass(frozen=True, slots=True)
class Loss:
    """What a source or file would lose: `removed` of its `rows`, most to the check `check`.

    `lost` counts those of which no copy stays: a finding that names the `first` of its kind loses nothing
    where that one stays, unless it is not safe to call the two copies.
    """

    kind: str
    name: str
    rows: int
    removed: int
    lost: int
    check: str

    @property
    def too_much(self) -> bool:
        """Return whether it is more than the largest share and a few rows, or all that a file holds."""
        much = self.lost > LARGEST_SHARE * self.rows and self.lost >= FEWEST_ROWS
        return much or (self.kind == "file" and self.lost == self.rows)


@dataclass(frozen=True, slots=True)
class Damage:
    """A damaged file: its bytes, how many of them cannot be read as rows, and the usual size of a row."""

    file: str
    n_bytes: int
    unread: int
    usual: float

    @property
    def too_much(self) -> bool:
        """Return whether more than the largest share is unread, and more than a few rows' worth."""
        return self.unread > max(LARGEST_SHARE * self.n_bytes, FEWEST_ROWS * self.usual)


def losses(store: Store, plan: Plan) -> list[Loss]:
    """Return what every source and file that loses rows would lose, largest share first.

    Rows that cannot be read have no source of their own and count with their file alone.
    """
    rows = store.rows(
        f"""
        with treated as (
            select
                sample_id,
                "check",
                json_extract_string(evidence, '$.first') as first,
                json_extract_string(evidence, '$.safe') = 'false' as unsafe
            from ({TREATED})
            where list_contains($drops, "check") and sample_id is not null
        ), dropped as (
            select
                sample_id,
                "check",
                first is null or unsafe or first in (select sample_id from treated) as lost
            from treated
        ), grouped as (
            select 'source' as kind, source as name, sample_id from samples where not malformed
            union all
            select 'file', file, sample_id from samples
        )
        select
            kind,
            name,
            count(distinct grouped.sample_id) as rows,
            count(distinct dropped.sample_id) as removed,
            count(distinct dropped.sample_id) filter (where lost) as lost,
            mode("check" order by "check")
        from grouped left join dropped using (sample_id)
        group by kind, name
        having removed > 0
        order by removed / rows desc, kind, name
        """,
        {**treated(plan), "drops": sorted(plan.drops)},
    )
    return [Loss(*row) for row in rows]


def damage(store: Store, plan: Plan) -> list[Damage]:
    """Return how much of every damaged file would go unread, if anything that cannot be read is to go."""
    if STRUCTURE not in plan.drops:
        return []
    rows = store.rows(
        f"""
        with gone as (
            select file, samples.n_bytes
            from samples join ({TREATED}) using (sample_id)
            where malformed and "check" = $structure
            union all
            select file, n_bytes from problems where kind = 'trailing_data'
        ), usual as (
            select file, avg(n_bytes) as n_bytes from samples where not malformed group by file
        )
        select file, any_value(files.n_bytes), sum(gone.n_bytes), coalesce(any_value(usual.n_bytes), 0)
        from gone join files using (file) left join usual using (file)
        group by file
        order by file
        """,
        {**treated(plan), "structure": STRUCTURE},
    )
    return [Damage(*row) for row in rows]


def require_read(found: Sequence[Damage]) -> None:
    """Raise AuditError where much of a file would go that nobody has read."""
    for one in found:
        if one.too_much:
            raise AuditError(
                f"file {one.file!r}: {one.unread:,} of its {one.n_bytes:,} bytes cannot be read and would "
                "go; mend the file by hand (`sft-audit explain INT101`), or insist with --force"
            )


def require_little(found: Sequence[Loss]) -> None:
    """Raise AuditError where a source would lose too much: what, how much, and the way out."""
    too_much = [loss for loss in found if loss.too_much]
    if too_much:
        worst = too_much[0]
        others = f" (and {len(too_much) - 1:,} more)" if too_much[1:] else ""
        raise AuditError(
            f"{worst.kind} {worst.name!r}{others}: {worst.removed:,} of its {worst.rows:,} rows would go, "
            f"most for {worst.check}; mend the cause (a wrong --images makes every image missing), leave "
            f"the check out with --ignore {worst.check}, or insist with --force"
        )
