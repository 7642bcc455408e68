"""RWD105."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import EXACT_REWARD

_DRAWN = """
import random

def reward(completions, **columns):
    return [random.random() for _ in completions]
"""


@check(
    "RWD105",
    severity="warning",
    axis="integrity",
    reads=("rewards", "trials"),
    of="select count(*) from trials where repeat > 0 and reward is not null",
    bad=[_DRAWN],
    good=[EXACT_REWARD],
)
def unstable_reward(db: Tables, *, most: float = 0.01) -> Relation:
    """The same completion is paid differently when asked again.

    ## Why it matters
    Noise in the reward is noise in the advantage: a group of equal answers gets a gradient from nothing.

    ## Options
    `most`: share of repeated askings that may come out differently.

    ## Known limits
    Right answers alone are asked again, twice each, in one process. The score is the share that differed.

    ## Source
    The share is a default of ours.
    """
    return db.sql(
        """
        with again as (
            select first.reward is distinct from again.reward as differs
            from trials as again
            join trials as first using (sample_id, turn, family, condition, completion)
            where again.repeat > 0 and first.repeat = 0
        ), counted as (
            select count(*) as n, count(*) filter (differs) as k
            from again
        )
        select
            null as sample_id,
            null::integer as turn,
            k / n as score,
            0.95 as confidence,
            k || ' of ' || n || ' completions got another reward when they were asked again' as message,
            json_object(
                'key', 'repeats', 'k', k, 'n', n, 'low', wilson_low(k, n), 'high', wilson_high(k, n)
            ) as evidence
        from counted
        where n > 0 and k / n > $most
        """,
        most=most,
    )
