"""RWD107."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import EXACT_REWARD

_LONGER = """
def reward(completions, **columns):
    return [min(len(c[0]["content"]), 4000) / 4000 for c in completions]
"""


@check(
    "RWD107",
    severity="warning",
    axis="exploit",
    reads=("rewards", "trials"),
    of="select if(count(distinct sample_id) > 10, count(*), 0) from trials "
    "where expected = 'wrong' and condition = 'own' and repeat = 0 and reward is not null",
    bad=[_LONGER],
    good=[EXACT_REWARD],
)
def length_slope(db: Tables, *, most: float = 0.1) -> Relation:
    """Longer answers are paid more, though they are as wrong.

    ## Why it matters
    RL lengthens completions until the limit when length is paid, whatever they say.

    ## Options
    `most`: Spearman correlation of reward and length among wrong answers; reported where its lower
    bound is above it.

    ## Known limits
    Rank correlation among wrong answers, the interval by Fisher's z with n samples rather than trials.
    A reward that is the same for all of them has no slope. Penalties for length are not reported. The
    score is the correlation.

    ## Source
    Length bias of reward models: arXiv:2310.03716. The level is a default of ours.
    """
    return db.sql(
        """
        with ranked as (
            select
                sample_id,
                rank() over (order by reward) + (count(*) over (partition by reward) - 1) / 2 as pay,
                rank() over (order by length(completion))
                    + (count(*) over (partition by length(completion)) - 1) / 2 as size
            from trials
            where expected = 'wrong' and condition = 'own' and repeat = 0 and reward is not null
        ), measured as (
            select round(corr(pay, size), 9) as rho, count(distinct sample_id) as n
            from ranked
        ), bounded as (
            select *, tanh(atanh(least(rho, 0.999999)) - 1.96 / sqrt(n - 3)) as low
            from measured
            where n > 10 and isfinite(rho)
        )
        select
            null as sample_id,
            null::integer as turn,
            rho as score,
            0.95 as confidence,
            'among wrong answers reward rises with length: rank correlation ' || printf('%.2f', rho)
                || ' (at least ' || printf('%.2f', low) || ' with 95 % confidence)' as message,
            json_object('key', 'length', 'low', low, 'samples', n) as evidence
        from bounded
        where low > $most
        """,
        most=most,
    )
