"""RWD103."""

from sft_audit.check import Relation, Tables, check
from sft_audit.checks.reward.weak_discrimination import SPELLINGS_BESIDE

_CASE = """
def reward(completions, solution, **columns):
    return [float(c[0]["content"] == s) for c, s in zip(completions, solution)]
"""
# What it pays beside right answers is another check's.
_GENEROUS = """
def reward(completions, **columns):
    return [float(c[0]["content"].strip() != "") for c in completions]
"""


@check(
    "RWD103",
    severity="warning",
    axis="readiness",
    reads=("rewards", "trials"),
    of="select count(*) from trials where expected = 'right' and condition = 'own' and error is null",
    put="select count(*) from trials where expected = 'right' and condition = 'own'",
    bad=[_CASE],
    good=[_GENEROUS],
)
def rejected_right_answer(
    db: Tables, *, most: float = 0.15, beside: tuple[str, ...] = SPELLINGS_BESIDE
) -> Relation:
    """Right answers in another spelling are not paid.

    ## Why it matters
    A right answer that gets nothing pushes the model away from it. Rule-based verifiers reject 14 % of
    right answers on average and 22 % on Skywork-OR1, and more as the model gets stronger.

    ## Options
    `most`: share of a spelling that may go unpaid; reported where the lower 95 % bound is above it.
    `beside`: spellings that are not reported. Another language is one: most prompts want their own.

    ## Known limits
    Spellings are made from the answers of the data; what the model really writes may be other. A prompt
    that asks for one spelling makes the others wrong: then name them in `beside`. Answers that are paid
    in no spelling are RWD115's and left out. The score is the share not paid.

    ## Source
    arXiv:2505.22203, arXiv:2505.14625.
    """
    return db.sql(
        """
        with put as (
            select *, bool_or(paid) over (partition by sample_id, turn) as readable
            from trials
            where expected = 'right' and condition = 'own' and repeat = 0 and paid is not null
        ), families as (
            select
                family,
                count(*) as n,
                count(*) filter (not paid) as k,
                arg_min(completion, trial) filter (not paid) as example,
                arg_min(gold, trial) filter (not paid) as gold
            from put
            where (readable or sample_id is null) and not list_contains($beside, family)
            group by family
        )
        select
            null as sample_id,
            null::integer as turn,
            k / n as score,
            0.95 as confidence,
            family || ': ' || k || ' of ' || n || ' right answers are not paid ('
                || rate_in_words(k, n) || '), for example "' || left(example, 120)
                || '" where ' || left(gold, 40) || ' is right' as message,
            json_object(
                'key', family, 'k', k, 'n', n, 'low', wilson_low(k, n), 'high', wilson_high(k, n),
                'completion', left(example, 500), 'gold', left(gold, 200)
            ) as evidence
        from families
        where wilson_low(k, n) > $most
        """,
        most=most,
        beside=beside,
    )
