"""RWD109."""

from sft_audit.check import Relation, Tables, check

_HANGS = """
import time

def reward(completions, **columns):
    time.sleep(3600)
"""
_EXACT = """
def reward(completions, solution, **columns):
    return [float(c[0]["content"].strip() == s) for c, s in zip(completions, solution)]
"""


@check(
    "RWD109",
    severity="error",
    axis="integrity",
    reads=("rewards", "trials"),
    of="select count(*) from trials",
    bad=[_HANGS],
    good=[_EXACT],
)
def stopped_reward(db: Tables) -> Relation:
    """The function hangs, dies or asks for more memory than it may have.

    ## Why it matters
    In a run every worker waits for the slowest reward: one that hangs stops the cluster.

    ## Options
    None.

    ## Known limits
    The limits are the audit's (`seconds` a batch, `reward_memory`). After three such ends the rest is
    not asked. The score is the share of askings that ended so.

    ## Source
    The limits are defaults of ours.
    """
    return db.sql(
        """
        with stopped as (
            select
                regexp_extract(error, '^(timeout|died|MemoryError)') as kind,
                count(*) as k,
                arg_min(error, trial) as error,
                arg_min(completion, trial) as example
            from trials
            where regexp_matches(error, '^(timeout|died|MemoryError)')
            group by kind
        ), counted as (
            select count(*) as n, count(*) filter (starts_with(error, 'not asked')) as given_up
            from trials
        )
        select
            null as sample_id,
            null::integer as turn,
            k / n as score,
            1.0 as confidence,
            error || ', in ' || k || ' of ' || n || ' askings, for example on "' || left(example, 80) || '"'
                || if(given_up > 0, '; ' || given_up || ' more were not asked', '') as message,
            json_object('key', kind, 'k', k, 'n', n, 'not_asked', given_up) as evidence
        from stopped
        cross join counted
        """,
    )
