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


# Another language is right, but few prompts want it: it is shown on the card and blamed on nobody.
SPELLINGS_BESIDE = ("language",)
# Wilson's interval with n answers is never too short: an answer's own share varies less than a coin would.
RATES = """
    with put as (
        select *, count(distinct (sample_id, turn)) over () as n
        from trials
        where condition = 'own'
            and repeat = 0
            and paid is not null
            and sample_id is not null
            and family not in ('unparseable_gold', 'gold_empty')
            and not list_contains($beside, family)
    ), families as (
        select expected, family, avg(paid::integer) as share, any_value(n) as n
        from put
        group by expected, family
        having count(distinct (sample_id, turn)) >= least(5, any_value(n))
    ), shares as (
        select
            any_value(n) as n,
            -- Rounded, for threads add in any order.
            round(avg(share) filter (expected = 'wrong'), 9) as false_positive,
            round(1 - avg(share) filter (expected = 'right'), 9) as false_negative
        from families
    ), bounded as (
        select
            *,
            round(1 - false_positive - false_negative, 9) as j,
            wilson_low(false_positive * n, n) as false_positive_low,
            wilson_high(false_positive * n, n) as false_positive_high,
            wilson_low(false_negative * n, n) as false_negative_low,
            wilson_high(false_negative * n, n) as false_negative_high
        from shares
    )
    select
        *,
        j - sqrt(
            (false_positive_high - false_positive) ^ 2 + (false_negative_high - false_negative) ^ 2
        ) as j_low,
        j + sqrt(
            (false_positive - false_positive_low) ^ 2 + (false_negative - false_negative_low) ^ 2
        ) as j_high
    from bounded
"""


@check(
    "RWD106",
    severity="warning",
    axis="readiness",
    reads=("rewards", "trials"),
    of="select count(*) from trials where condition = 'own' and paid is not null",
    bad=[_HALF],
    good=[_FOLDED],
)
def weak_discrimination(
    db: Tables, *, least: float = 0.5, beside: tuple[str, ...] = SPELLINGS_BESIDE
) -> Relation:
    """The reward hardly tells right answers from wrong ones.

    ## Why it matters
    With a binary reward the advantage shrinks by Youden's J = 1 - false-positive rate - false-negative
    rate: at a J of 0.5 the run needs four times the rollouts for the same signal, at 0 it learns noise.

    ## Options
    `least`: J below which it is reported. `beside`: families that do not count.

    ## Known limits
    The rates are means over the families that five answers or more have, each family counting alike, so
    that J says how the function does on our families and not on the model's completions. Unparseable
    known answers are RWD102's. The score is 1 - J.

    ## Source
    Interval of a difference: Newcombe 1998, method 10, from Wilson's intervals with n answers.
    E[paid] = J right + false-positive rate, for a binary reward; the level is a default of ours.
    """
    return db.sql(
        f"""
        with rates as ({RATES})
        select
            null as sample_id,
            null::integer as turn,
            1 - j as score,
            0.9 as confidence,
            'Youden''s J is ' || printf('%.2f', j) || ' (95 % interval ' || printf('%.2f', j_low) || ' to '
                || printf('%.2f', j_high) || '): of wrong answers ' || printf('%.0f', 100 * false_positive)
                || ' % are paid, of right ones ' || printf('%.0f', 100 * false_negative)
                || ' % are not, over all families alike' as message,
            json_object(
                'key', 'J', 'false_positive', false_positive, 'false_negative', false_negative, 'n', n,
                'low', 1 - j_high, 'high', 1 - j_low
            ) as evidence
        from rates
        where j < $least
        """,
        least=least,
        beside=beside,
    )
