"""RUN120."""

from typing import Any

from sft_audit.check import Relation, Tables, check


def _logged(sample_id: str | None) -> dict[str, Any]:
    return {"file": "3.jsonl", "line": 7, "step": 3, "group_no": 0, "sample_id": sample_id}


@check(
    "RUN120",
    severity="warning",
    axis="integrity",
    reads=("samples", "rollouts"),
    of="select count(*) from rollouts where exists (select 1 from samples)",
    bad=[{"samples": [{"sample_id": "a"}], "rollouts": [_logged("a"), _logged(None)]}],
    good=[
        {"samples": [{"sample_id": "a"}], "rollouts": [_logged("a"), _logged("a")]},
        {"samples": [], "rollouts": [_logged(None)]},
    ],
)
def unjoined_completions(db: Tables, *, least: float = 0.01) -> Relation:
    """Completions of the run belong to no prompt of the data that it was given.

    ## Why it matters
    A completion that cannot be joined has no picture and no known answer but the log's own. Where many
    cannot, the run was given other data, or what is said of it is said of a part.

    ## Options
    `least`: share of completions from which it is reported.

    ## Known limits
    Asked only where `--data` is given. A log without ids is joined by the question and the known answer:
    prompts of several rows that ask alike and have the same answer about other images cannot be told apart,
    and count as not joined.

    ## Source
    The level is a default of ours.
    """
    return db.sql(
        """
        with counted as (
            select
                count(*) as n,
                count(*) filter (sample_id is null) as unjoined,
                arg_min(file || ':' || line, (file, line)) filter (sample_id is null) as first
            from rollouts
            where exists (select 1 from samples)
        )
        select
            null as sample_id,
            null::integer as turn,
            unjoined / n as score,
            0.95 as confidence,
            printf('%.1f', 100 * unjoined / n) || ' % of ' || n || ' completions belong to no one prompt of '
                || 'the data: first ' || first || '; give the data that the run was given' as message,
            json_object('key', 'unjoined', 'unjoined', unjoined, 'n', n) as evidence
        from counted
        where unjoined > 0 and unjoined >= $least * n
        """,
        least=least,
    )
