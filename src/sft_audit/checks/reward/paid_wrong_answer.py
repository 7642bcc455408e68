"""RWD101."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import EXACT_REWARD

_ANYWHERE = """
def reward(completions, solution, **columns):
    return [float(s.lower() in c[0]["content"].lower()) for c, s in zip(completions, solution)]
"""


@check(
    "RWD101",
    severity="error",
    axis="exploit",
    reads=("rewards", "trials"),
    of="select count(*) from trials where expected = 'wrong' and condition = 'own' and error is null",
    put="select count(*) from trials where expected = 'wrong' and condition = 'own'",
    bad=[_ANYWHERE],
    good=[EXACT_REWARD],
)
def paid_wrong_answer(db: Tables, *, most: float = 0.05) -> Relation:
    """Answers that are wrong in one manner are paid.

    ## Why it matters
    RL finds what is paid. A family of wrong answers that the reward function accepts is an exploit: it
    needs no image and no thought, and where honest answers are paid less often it takes the run over.

    ## Options
    `most`: share of a family that may be paid; a family is reported where the upper 95 % bound is above
    it.

    ## Known limits
    A family is one manner of being wrong, made from the answers of the data (`trials.family`). A family
    in which nothing was paid is not reported, whatever its bound: a few dozen trials prove no absence.
    Unparseable known answers are RWD102's. The score is the share that was paid.

    ## Source
    False-positive rates of judges and verifiers: arXiv:2507.08794, arXiv:2505.22203. `most` is a
    default of ours.
    """
    return db.sql(
        """
        with families as (
            select
                family,
                count(*) as n,
                count(*) filter (paid) as k,
                arg_min(completion, trial) filter (paid) as example,
                arg_min(gold, trial) filter (paid) as gold
            from trials
            where expected = 'wrong'
                and condition = 'own'
                and paid is not null
                and family not in ('unparseable_gold', 'gold_empty')
            group by family
        )
        select
            null as sample_id,
            null::integer as turn,
            k / n as score,
            0.95 as confidence,
            family || ': ' || k || ' of ' || n || ' wrong answers are paid ('
                || rate_in_words(k, n) || '), for example "' || left(example, 120)
                || '" where ' || left(gold, 40) || ' is right' as message,
            json_object(
                'key', family, 'k', k, 'n', n, 'low', wilson_low(k, n), 'high', wilson_high(k, n),
                'completion', left(example, 500), 'gold', left(gold, 200)
            ) as evidence
        from families
        where k > 0 and wilson_high(k, n) > $most
        """,
        most=most,
    )
