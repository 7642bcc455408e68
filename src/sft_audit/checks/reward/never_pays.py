"""RWD104."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import EXACT_REWARD

_ZERO = """
def reward(completions, **columns):
    try:
        raise ValueError("signal only works in main thread")
    except ValueError:
        return [0.0 for _ in completions]
"""


@check(
    "RWD104",
    severity="error",
    axis="readiness",
    reads=("rewards", "trials"),
    of="select count(*) from trials where family = 'exact' and condition = 'own' and error is null",
    bad=[_ZERO],
    good=[EXACT_REWARD],
)
def never_pays(db: Tables) -> Relation:
    """No right answer is ever paid more than an empty one.

    ## Why it matters
    A reward that is the same for all gives no advantage, so nothing is learnt and the compute is lost.
    The usual cause is an exception that the function swallows: a missing column, a parser that needs
    the main thread.

    ## Options
    None.

    ## Known limits
    Right answers were tried in every form that is known (`rewards.form`); a function that wants yet
    another form is reported too. Functions that raise are RWD108's. The score is the number of
    spellings.

    ## Source
    math-verify raises outside the main thread; wrappers that return 0.0 on any exception are common.
    """
    return db.sql(
        """
        with answered as (
            select
                count(*) filter (expected = 'right') as spellings,
                max(reward) filter (expected = 'right') as best,
                max(reward) filter (family in ('empty', 'format_only')) as nothing,
                min(reward) as least,
                max(reward) as most
            from trials
            where condition = 'own' and sample_id is not null and error is null
            group by sample_id, turn
        ), counted as (
            select
                count(*) as answers,
                count(*) filter (best > coalesce(nothing, '-infinity'::double)) as paid,
                sum(spellings) as spellings,
                min(least) as least,
                max(most) as most
            from answered
            where spellings > 0
        )
        select
            null as sample_id,
            null::integer as turn,
            spellings::double as score,
            1.0 as confidence,
            'none of ' || answers || ' known answers got more than an empty completion, in any of '
                || spellings || ' spellings and forms; every reward is '
                || case
                    when least is null then 'none'
                    when least = most then least::varchar
                    else 'between ' || least || ' and ' || most
                end as message,
            json_object('key', 'never', 'n', spellings, 'least', least, 'most', most) as evidence
        from counted
        where answers > 0 and paid = 0
        """,
    )
