"""RWD102."""

from sft_audit.check import Relation, Tables, check

_FREE = """
def reward(completions, solution, **columns):
    words = [s if len(s.split()) == 1 else None for s in solution]
    return [1.0 if w is None else float(c[0]["content"] == w) for c, w in zip(completions, words)]
"""
_LEFT_OUT = """
def reward(completions, solution, **columns):
    return [float(c[0]["content"] == s) if s else None for c, s in zip(completions, solution)]
"""


@check(
    "RWD102",
    severity="error",
    axis="exploit",
    reads=("rewards", "trials"),
    of="select count(*) from trials where family in ('unparseable_gold', 'gold_empty') and error is null",
    bad=[_FREE],
    good=[_LEFT_OUT],
)
def free_reward(db: Tables) -> Relation:
    """A row whose known answer cannot be read pays whatever is said.

    ## Why it matters
    Such rows pay noise. With one answer in a hundred that the verifier cannot parse, one group in a
    hundred teaches nothing or worse, and no metric shows it.

    ## Options
    None.

    ## Known limits
    The known answer is replaced by texts that no verifier parses, and by nothing. A reward of none, by
    which the row is left out, is right. An empty completion where nothing is known is not asked. The
    score is the share that was paid.

    ## Source
    A shipped math reward returns 1.0 where the known answer does not parse; another 0.0, a third none.
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
            where family in ('unparseable_gold', 'gold_empty') and condition = 'own'
            group by family
        )
        select
            null as sample_id,
            null::integer as turn,
            k / n as score,
            0.95 as confidence,
            family || ': ' || k || ' of ' || n
                || ' answers are paid though the known answer cannot be read, for example "'
                || left(example, 120) || '" where '
                || if(gold = '', 'nothing', '"' || left(gold, 60) || '"')
                || ' is known' as message,
            json_object(
                'key', family, 'k', k, 'n', n, 'low', wilson_low(k, n), 'high', wilson_high(k, n)
            ) as evidence
        from families
        where k > 0
        """,
    )
