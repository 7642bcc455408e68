"""RWD113."""

from sft_audit.check import Relation, Tables, check

_TAGS = """
import re

def reward(completions, solution, **columns):
    texts = [c[0]["content"] for c in completions]
    formed = [re.fullmatch(r"<answer>.*</answer>", text, re.DOTALL) is not None for text in texts]
    right = [text == f"<answer>{s}</answer>" for text, s in zip(texts, solution)]
    return [0.1 * f + 0.9 * r for f, r in zip(formed, right)]
"""
_FILLED = _TAGS.replace(".*", "[^<]*[^< ][^<]*")


@check(
    "RWD113",
    severity="warning",
    axis="exploit",
    reads=("rewards", "trials"),
    of="select count(*) from trials where family = 'format_only' and condition = 'own' and paid is not null",
    bad=[_TAGS],
    good=[_FILLED],
)
def paid_empty_form(db: Tables, *, most: float = 0.05) -> Relation:
    """The form with nothing inside is paid.

    ## Why it matters
    A reward for the form is meant to teach the model to think and to answer in marked places. Where
    empty marks earn it, the shortest way to it is to leave out both.

    ## Options
    `most`: share of a right answer's reward that an empty form may earn, beyond an empty completion.

    ## Known limits
    The form is the one in which right answers are paid most; a function that wants none is not asked.
    Whether a form with a wrong answer inside should be paid is a matter of weights and not reported.
    The score is the share.

    ## Source
    Patterns such as `<think>.*</think>.*boxed{.*}` in shipped format rewards, executed. `most` is a
    default of ours.
    """
    return db.sql(
        """
        with means as (
            select
                round(avg(reward) filter (family = 'exact'), 9) as right_answer,
                round(avg(reward) filter (family = 'empty'), 9) as nothing,
                max(reward) filter (family = 'format_only') as form,
                arg_max(completion, reward) filter (family = 'format_only') as example,
                count(*) filter (family = 'format_only') as n
            from trials
            where condition = 'own' and repeat = 0 and reward is not null
        ), measured as (
            select *, (form - nothing) / (right_answer - nothing) as share
            from means
            where right_answer > nothing
        )
        select
            null as sample_id,
            null::integer as turn,
            share as score,
            0.95 as confidence,
            'a form with nothing inside earns ' || printf('%.0f', 100 * share)
                || ' % of what a right answer does, for example "' || left(example, 120) || '"' as message,
            json_object(
                'key', 'format_only', 'form', form, 'nothing', nothing, 'right', right_answer, 'n', n
            ) as evidence
        from measured
        where share > $most
        """,
        most=most,
    )
