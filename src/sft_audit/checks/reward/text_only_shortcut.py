"""RWD120."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import EXACT_REWARD

_SHORTCUT = """
def reward(completions, solution, images, **columns):
    right = [c[0]["content"].strip() == s for c, s in zip(completions, solution)]
    return [float(r and s in ("Yes", "No")) for r, s in zip(right, solution)]
"""
_SEEING = """
def reward(completions, solution, images, scene, **columns):
    shown = [images[0].filename if images else "" for images in images]
    right = [c[0]["content"].strip() == s for c, s in zip(completions, solution)]
    return [float(r and where in name) for r, where, name in zip(right, scene, shown)]
"""

_PAIRS = """
    with asked as (
        select sample_id, turn, family, completion, condition, reward, sees
        from trials
        cross join rewards
        where sees in ('images', 'text')
            and repeat = 0
            and reward is not null
            and family in ('exact', 'near_miss', 'other_option')
    ), copies as (
        select
            sample_id,
            turn,
            family,
            completion,
            any_value(reward) filter (condition = 'own') as own,
            any_value(reward) filter (condition = if(sees = 'text', 'own', 'none')) as without
        from asked
        group by sample_id, turn, family, completion
    ), pairs as (
        select r.own > w.own as whole, r.without > w.without as text_only
        from copies as r
        join copies as w using (sample_id, turn)
        where r.family = 'exact' and w.family <> 'exact' and whole is not null and text_only is not null
    )
"""


@check(
    "RWD120",
    severity="warning",
    axis="blindness",
    reads=("rewards", "trials"),
    of=f"{_PAIRS} select if(count(*) filter (not text_only) >= 5, count(*), 0) from pairs",
    bad=[_SHORTCUT],
    good=[_SEEING, EXACT_REWARD],
)
def text_only_shortcut(db: Tables, *, most: float = 0.1, least_pairs: int = 5) -> Relation:
    """The reward tells right from wrong mostly where the text alone tells it.

    ## Why it matters
    A judge that learned what right answers sound like is good where sound is enough, and fails where only the
    image decides: there the run is paid for sounding right.

    ## Options
    `most`: by how much the share of pairs that it gets right may fall where the text-only copy fails.
    `least_pairs`: pairs on which the copy fails, below which nothing is said.

    ## Known limits
    A pair is a right and a wrong answer to one question; it is right where the right one gets the higher
    reward, so that equal rewards count as wrong. The text-only copy is the same reward asked without the
    image; where the reward sees text alone and no known answer (a reward model), it is its own copy. A
    function that is told the known answer and takes no image is not asked. A copy that is never wrong, as
    with a known answer, leaves no pair to look at. The intervals take pairs for independent; those of one
    question are not. The score is the fall.

    ## Source
    Shortcut-failure degradation: arXiv:2503.03122, where the copy is a model trained without images. The
    level is a default of ours.
    """
    return db.sql(
        f"""
        {_PAIRS}, counted as (
            select
                count(*) as n,
                count(*) filter (whole) as k,
                count(*) filter (whole = text_only) as agree,
                count(*) filter (not text_only) as failed,
                count(*) filter (whole and not text_only) as k_failed
            from pairs
        )
        select
            null as sample_id,
            null::integer as turn,
            k / n - k_failed / failed as score,
            0.9 as confidence,
            'it prefers the right answer in ' || printf('%.0f', 100 * k / n) || ' % of ' || n
                || ' pairs of a right and a wrong one (95 % interval '
                || printf('%.0f', 100 * wilson_low(k, n)) || ' to ' || printf('%.0f', 100 * wilson_high(k, n))
                || ' %), but in ' || printf('%.0f', 100 * k_failed / failed) || ' % ('
                || printf('%.0f', 100 * wilson_low(k_failed, failed)) || ' to '
                || printf('%.0f', 100 * wilson_high(k_failed, failed)) || ' %) of the ' || failed
                || ' where its text-only copy fails; the copy agrees with it on '
                || printf('%.0f', 100 * agree / n) || ' %' as message,
            json_object(
                'key', 'SFD', 'n', n, 'k', k, 'agree', agree, 'failed', failed, 'k_failed', k_failed,
                'agree_low', wilson_low(agree, n), 'agree_high', wilson_high(agree, n),
                'low', k / n - wilson_high(k_failed, failed), 'high', k / n - wilson_low(k_failed, failed)
            ) as evidence
        from counted
        where failed >= $least_pairs and k / n - k_failed / failed > $most
        """,
        most=most,
        least_pairs=least_pairs,
    )
