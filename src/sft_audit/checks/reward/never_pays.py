"""RWD104."""

from sft_audit.check import Relation, Tables, check

_ZERO = """
def reward(completions, **columns):
    try:
        raise ValueError("signal only works in main thread")
    except ValueError:
        return [0.0 for _ in completions]
"""
_EXACT = """
def reward(completions, solution, **columns):
    return [float(c[0]["content"].strip() == s) for c, s in zip(completions, solution)]
"""


@check(
    "RWD104",
    severity="error",
    axis="readiness",
    reads=("rewards", "trials"),
    of="select count(*) from trials where family = 'exact' and condition = 'own'",
    bad=[_ZERO],
    good=[_EXACT],
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
        with asked as (
            select
                count(*) as n,
                count(*) filter (expected = 'right') as right_answers,
                count(distinct (sample_id, turn)) as answers,
                max(reward) filter (expected = 'right') as best,
                max(reward) filter (family in ('empty', 'format_only')) as nothing,
                min(reward) as least,
                max(reward) as most
            from trials
            where condition = 'own' and sample_id is not null and reward is not null
        )
        select
            null as sample_id,
            null::integer as turn,
            right_answers::double as score,
            1.0 as confidence,
            'none of ' || answers || ' known answers got more than an empty completion, in any of '
                || right_answers || ' spellings and forms; every reward is '
                || if(least = most, least::varchar, 'between ' || least || ' and ' || most) as message,
            json_object('key', 'never', 'n', n, 'best', best, 'nothing', nothing) as evidence
        from asked
        where right_answers > 0 and best <= coalesce(nothing, least)
        """,
    )
