"""RWD109."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import EXACT_REWARD

_HANGS = """
import time

def reward(completions, **columns):
    time.sleep(3600)
"""
_DIES = """
import signal

def reward(completions, **columns):
    if any(not c[0]["content"] for c in completions):
        signal.raise_signal(signal.SIGKILL)
    return [0.0 for _ in completions]
"""


@check(
    "RWD109",
    severity="error",
    axis="integrity",
    reads=("rewards", "trials"),
    of="select count(*) from trials",
    bad=[_HANGS, _DIES],
    good=[EXACT_REWARD],
)
def stopped_reward(db: Tables) -> Relation:
    """The function hangs, dies or asks for more memory than it may have.

    ## Why it matters
    In a run every worker waits for the slowest reward: one that hangs stops the cluster.

    ## Options
    None.

    ## Known limits
    The limits are the audit's (`seconds` a batch, `reward_memory`). A family of completions of which two
    ended so is put aside; after three ends without any answer, or twelve in all, the rest is not asked.
    The score is the share of askings that ended so, or that were not made for it.

    ## Source
    The limits are defaults of ours.
    """
    return db.sql(
        """
        with stopped as (
            select
                regexp_extract(error, '(timeout|died|MemoryError).*') as why,
                regexp_extract(error, '(timeout|died|MemoryError)') as kind,
                count(*) filter (not starts_with(error, 'not asked')) as k,
                count(*) filter (starts_with(error, 'not asked')) as given_up,
                list_sort(list(distinct family) filter (not starts_with(error, 'not asked'))) as families
            from trials
            where regexp_matches(error, '^(timeout|died|MemoryError|not asked)')
            group by all
        ), examples as (
            select error as why, arg_min(completion, trial) as example
            from trials
            group by error
        ), counted as (
            select count(*) as n
            from trials
        )
        select
            null as sample_id,
            null::integer as turn,
            (k + given_up) / n as score,
            1.0 as confidence,
            why || ', in ' || k || ' of ' || n || ' askings'
                || coalesce(' (' || array_to_string(families[:6], ', ') || ')', '')
                || coalesce(', for example on "' || left(example, 80) || '"', '')
                || if(given_up > 0, '; ' || given_up || ' were not made for it', '') as message,
            json_object(
                'key', kind, 'why', why, 'k', k, 'n', n, 'not_asked', given_up, 'families', families
            ) as evidence
        from stopped
        left join examples using (why)
        cross join counted
        """,
    )
