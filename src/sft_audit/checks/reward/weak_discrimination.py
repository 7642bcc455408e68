"""RWD106."""

from sft_audit.check import Relation, Tables, check

_HALF = """
def reward(completions, solution, **columns):
    return [float(len(c[0]["content"]) % 2 == len(s) % 2) for c, s in zip(completions, solution)]
"""
_FOLDED = """
import re

NUMBERS = "zero one two three four five six seven eight nine ten".split()

def told(text):
    text = re.sub(r"[^a-z0-9.-]+", " ", text.lower()).strip(" .").removeprefix("the answer is ")
    return str(NUMBERS.index(text)) if text in NUMBERS else text.removesuffix(".0")

def reward(completions, solution, **columns):
    return [float(told(c[0]["content"]) == told(s) != "") for c, s in zip(completions, solution)]
"""


@check(
    "RWD106",
    severity="warning",
    axis="readiness",
    reads=("rewards", "trials"),
    of="select count(*) from trials where condition = 'own'",
    bad=[_HALF],
    good=[_FOLDED],
)
def weak_discrimination(db: Tables, *, least: float = 0.5) -> Relation:
    """The reward hardly tells right answers from wrong ones.

    ## Why it matters
    With a binary reward the advantage shrinks by Youden's J = 1 - false-positive rate - false-negative
    rate: at a J of 0.5 the run needs four times the rollouts for the same signal, at 0 it learns noise.

    ## Options
    `least`: J below which it is reported.

    ## Known limits
    The rates are means over families, each family counting alike, so that J says how the function does
    on our families and not on the model's completions. The score is 1 - J.

    ## Source
    E[paid] = J right + false-positive rate, for a binary reward; the level is a default of ours.
    """
    return db.sql(
        """
        with families as (
            select expected, family, avg(paid::integer) as paid, count(*) as n
            from trials
            where condition = 'own' and repeat = 0 and paid is not null
            group by expected, family
        ), rates as (
            select
                avg(paid) filter (expected = 'wrong') as false_positive,
                1 - avg(paid) filter (expected = 'right') as false_negative
            from families
        )
        select
            null as sample_id,
            null::integer as turn,
            false_positive + false_negative as score,
            0.9 as confidence,
            'Youden''s J is ' || printf('%.2f', 1 - false_positive - false_negative) || ': of wrong answers '
                || printf('%.0f', 100 * false_positive) || ' % are paid, of right ones '
                || printf('%.0f', 100 * false_negative) || ' % are not, over all families alike' as message,
            json_object(
                'key', 'J', 'false_positive', false_positive, 'false_negative', false_negative
            ) as evidence
        from rates
        where 1 - false_positive - false_negative < $least
        """,
        least=least,
    )
