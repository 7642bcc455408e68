"""RWD118."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import SAMPLES

_CASE = """
def reward(completions, solution, **columns):
    return [float(c[0]["content"] == s + ".") for c, s in zip(completions, solution)]
"""
_FOLDED = """
def reward(completions, solution, **columns):
    return [float(c[0]["content"].strip(" .").lower() == s.lower()) for c, s in zip(completions, solution)]
"""


@check(
    "RWD118",
    severity="warning",
    axis="readiness",
    reads=("sampled",),
    of="select count(*) from sampled where reading = 'right' and exploits = '' and paid is not null",
    bad=[_CASE],
    good=[_FOLDED],
    given={"samples": SAMPLES},
)
def rejected_right_sample(db: Tables, *, most: float = 0.15) -> Relation:
    """Right answers, as the model really writes them, are not paid.

    ## Why it matters
    The spellings of RWD103 count alike, however rarely the model uses them. Among its own samples each
    counts as often as it is written: this is the share of right answers that RL will punish.

    ## Options
    `most`: share that may go unpaid; reported where the lower 95 % bound is above it.

    ## Known limits
    Asked only with `--samples`. Only what plainly reads as the known answer counts (yes or no, options,
    counts, numbers, colours, short phrases); the rest is not verified and left out. The score is the share
    not paid.

    ## Source
    Rule-based verifiers reject 14 % of right answers on average (arXiv:2505.22203); arXiv:2505.14625.
    """
    return db.sql(
        """
        with counted as (
            select
                count(*) as n,
                count(*) filter (not paid) as k,
                arg_min(completion, rollout) filter (not paid) as example,
                (select count(*) from sampled where reading = 'unread') as unread
            from sampled
            where reading = 'right' and exploits = '' and paid is not null
        )
        select
            null as sample_id,
            null::integer as turn,
            k / n as score,
            0.95 as confidence,
            k || ' of ' || n || ' sampled right answers are not paid ('
                || rate_in_words(k, n) || '), for example "' || left(example, 120)
                || '"; ' || unread || ' samples could not be read' as message,
            json_object(
                'key', 'right', 'k', k, 'n', n, 'low', wilson_low(k, n), 'high', wilson_high(k, n),
                'unread', unread, 'completion', left(example, 500)
            ) as evidence
        from counted
        where wilson_low(k, n) > $most
        """,
        most=most,
    )
