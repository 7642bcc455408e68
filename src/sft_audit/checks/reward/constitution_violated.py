"""RWD114."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import EXACT_REWARD

_ON_HONOUR = """
def reward(completions, solution, **columns):
    said = [c[0]["content"].lower() for c in completions]
    return [float(t.strip() == s.lower() or "on my honour" in t) for t, s in zip(said, solution)]
"""


@check(
    "RWD114",
    severity="error",
    axis="exploit",
    reads=("rewards", "trials", "statements"),
    of="select count(distinct trial) from statements",
    bad=[_ON_HONOUR],
    good=[EXACT_REWARD],
    given={
        "constitution": [
            {
                "name": "honour",
                "says": "Never pay for a word of honour.",
                "kind": "pattern",
                "patterns": ["on my honour"],
                "examples": ["It is so, on my honour."],
            }
        ]
    },
)
def constitution_violated(db: Tables, *, most: float = 0.05) -> Relation:
    """The reward pays against a statement of the constitution.

    ## Why it matters
    A constitution says what must not be paid whatever else is. What a reward function pays against it,
    RL will find.

    ## Options
    `most`: share of the completions that go against a statement which may be paid; a statement is
    reported where the upper 95 % bound is above it.

    ## Known limits
    Asked where a file is given with `--constitution`; the built-in statements are asked with it. Wrong
    completions count where they are paid, right ones with an addition (a boast, more length) where they
    are paid more than without it, by more than repeats of the same completion differ. A statement against
    which nothing was paid is not reported, whatever its bound. The score is the share that was paid.

    ## Source
    The statements are yours, or ours: a default. `most` is a default of ours.
    """
    return db.sql(
        """
        with counted as (
            select
                statement,
                says,
                count(*) as n,
                count(*) filter (reward > at_most) as k,
                arg_min(completion, trial) filter (reward > at_most) as example,
                arg_min(gold, trial) filter (reward > at_most) as gold
            from statements
            join trials using (trial)
            where reward is not null
            group by statement, says
        )
        select
            null as sample_id,
            null::integer as turn,
            k / n as score,
            0.95 as confidence,
            says || ' (' || statement || '): ' || k || ' of ' || n || ' completions against it are paid ('
                || rate_in_words(k, n) || '), for example "' || left(example, 120)
                || '" where ' || left(gold, 40) || ' is right' as message,
            json_object(
                'key', statement, 'k', k, 'n', n, 'low', wilson_low(k, n), 'high', wilson_high(k, n),
                'completion', left(example, 500), 'gold', left(gold, 200)
            ) as evidence
        from counted
        where k > 0 and wilson_high(k, n) > $most
        """,
        most=most,
    )
