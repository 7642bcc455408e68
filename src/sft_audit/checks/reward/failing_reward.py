"""RWD108."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import EXACT_REWARD

_RAISES = """
def reward(completions, solution, **columns):
    return [float(c[0]["content"] == s) / len(c[0]["content"]) for c, s in zip(completions, solution)]
"""


@check(
    "RWD108",
    severity="error",
    axis="integrity",
    reads=("rewards", "trials"),
    of="select count(*) from trials where condition <> 'none'",
    bad=[_RAISES],
    good=[EXACT_REWARD],
)
def failing_reward(db: Tables) -> Relation:
    """The function raises, or returns what the trainer cannot read.

    ## Why it matters
    One trainer stops the run, another swallows the exception and leaves the rollout without a reward.

    ## Options
    None.

    ## Known limits
    Exceptions are told apart by type and message. What hangs or dies is RWD109's, connections that are
    refused RWD110's. The score is the share of askings that failed.

    ## Source
    OpenRLHF logs the exception and goes on (openrlhf/utils/agent.py); TRL raises.
    """
    return db.sql(
        """
        with failed as (
            select
                regexp_replace(error, '[0-9]+', '#', 'g') as kind,
                count(*) as k,
                arg_min(error, trial) as error,
                arg_min(completion, trial) as example,
                list(distinct family order by family) as families
            from trials
            where error is not null
                and condition <> 'none'
                and refused is null
                and not regexp_matches(error, '^(timeout|died|MemoryError|not asked)')
            group by kind
        ), counted as (
            select count(*) as n
            from trials
            where condition <> 'none'
        )
        select
            null as sample_id,
            null::integer as turn,
            k / n as score,
            1.0 as confidence,
            error || ', in ' || k || ' of ' || n || ' askings, for example on "'
                || left(example, 80) || '"' as message,
            json_object('key', kind, 'k', k, 'n', n, 'families', families) as evidence
        from failed
        cross join counted
        """,
    )
