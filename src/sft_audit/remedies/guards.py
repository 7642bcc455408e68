"""What stops a plan: a repair that takes too much of a source is more often a mistake than a repair."""

from collections.abc import Sequence
from dataclasses import dataclass

from sft_audit.errors import AuditError
from sft_audit.remedies.plan import Plan
from sft_audit.store import Store

LARGEST_SHARE = 0.2
FEWEST_ROWS = 10  # a share of a handful of rows says nothing


@dataclass(frozen=True, slots=True)
class Loss:
    """What a source or file would lose: `removed` of its `rows`, most to the check `check`.

    `lost` counts those of which no copy stays: a finding that names the `first` of its kind loses nothing.
    """

    kind: str
    name: str
    rows: int
    removed: int
    lost: int
    check: str

    @property
    def too_much(self) -> bool:
        """Return whether it is all there is, or more than the largest share."""
        return self.removed == self.rows or (
            self.lost > LARGEST_SHARE * self.rows and self.lost >= FEWEST_ROWS
        )


def losses(store: Store, plan: Plan) -> list[Loss]:
    """Return what every source and file that loses rows would lose, largest share first.

    Rows that cannot be read have no source of their own and count with their file alone.
    """
    rows = store.rows(
        """
        with dropped as (
            select sample_id, "check", json_extract_string(evidence, '$.first') is null as lost
            from findings
            where status = 'open' and list_contains($drops, "check")
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
        {"drops": sorted(plan.drops)},
    )
    return [Loss(*row) for row in rows]


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
