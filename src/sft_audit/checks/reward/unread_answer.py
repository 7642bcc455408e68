"""RWD115."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import EXACT_REWARD

_DIGITS = """
def reward(completions, solution, **columns):
    return [float(s.isdigit() and c[0]["content"].strip() == s) for c, s in zip(completions, solution)]
"""


@check(
    "RWD115",
    severity="warning",
    axis="readiness",
    reads=("answers", "trials"),
    of="select count(*) from trials where family = 'exact' and condition = 'own' and paid is not null",
    bad=[_DIGITS],
    good=[EXACT_REWARD],
)
def unread_answer(db: Tables, *, most: float = 0.05) -> Relation:
    """Known answers of one kind are paid in no spelling: the function cannot read them.

    ## Why it matters
    Whatever the model says to such a row, it gets nothing: its group has no advantage and its compute is
    lost. The usual cause is a parser of mathematics that is asked about words, names or option letters.

    ## Options
    `most`: share of a kind's answers that may go unpaid; reported where the lower 95 % bound is above it.

    ## Known limits
    An answer counts where none of its spellings is paid, in the form that the function pays most. Where
    no answer at all is paid it is RWD104's. The score is the share of the kind.

    ## Source
    math-verify 0.9.0 parses neither `True` nor `B` with its defaults. `most` is a default of ours.
    """
    return db.sql(
        """
        with put as (
            select
                answer_kind,
                bool_or(paid) as paid,
                arg_min(gold, trial) as gold
            from trials
            join answers using (sample_id, turn)
            where expected = 'right' and condition = 'own' and repeat = 0 and reward is not null
            group by sample_id, turn, answer_kind
        ), kinds as (
            select
                answer_kind,
                count(*) as n,
                count(*) filter (not paid) as k,
                min(gold) filter (not paid) as example
            from put
            group by answer_kind
        )
        select
            null as sample_id,
            null::integer as turn,
            k / n as score,
            0.95 as confidence,
            k || ' of ' || n || ' known answers of the kind ' || answer_kind || ' are paid in no spelling ('
                || rate_in_words(k, n) || '), for example "' || left(example, 80) || '"' as message,
            json_object(
                'key', answer_kind, 'k', k, 'n', n, 'low', wilson_low(k, n), 'high', wilson_high(k, n),
                'gold', left(example, 200)
            ) as evidence
        from kinds
        where wilson_low(k, n) > $most and (select bool_or(paid) from put)
        """,
        most=most,
    )
