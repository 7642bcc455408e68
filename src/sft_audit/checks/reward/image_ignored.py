"""RWD112."""

from sft_audit.check import Relation, Tables, check

_BLIND = """
def reward(completions, solution, images, **columns):
    return [float(c[0]["content"].strip() == s) for c, s in zip(completions, solution)]
"""
_TOLD_NOTHING = """
def reward(completions, solution, **columns):
    return [float(c[0]["content"].strip() == s) for c, s in zip(completions, solution)]
"""
_SEEING = """
def reward(completions, solution, images, scene, **columns):
    shown = [images[0].filename if images else "" for images in images]
    right = [c[0]["content"].strip() == s for c, s in zip(completions, solution)]
    return [float(r and where in name) for r, where, name in zip(right, scene, shown)]
"""


@check(
    "RWD112",
    severity="info",
    axis="blindness",
    reads=("rewards", "trials"),
    of="select count(*) from trials cross join rewards where condition = 'swapped' and sees = 'images'",
    bad=[_BLIND],
    good=[_SEEING, _TOLD_NOTHING],
)
def image_ignored(db: Tables, *, most: float = 0.5) -> Relation:
    """A right answer is paid as much with another image, or with none.

    ## Why it matters
    A judge that looks pays less when the image is another. One that does not look pays for what sounds
    right: its reward cannot teach the model to look. A verifier that compares with a known answer and never
    takes an image is not asked.

    ## Options
    `most`: share of the reward that may be left with a swapped image.

    ## Known limits
    Information only: whether the function ought to look is not known. It counts as able to look where its
    trainer gives images and its code names them, or a swapped one changed a reward. Swapped images come
    from other answers and may show the same by chance. The score is the share of the reward that is left.

    ## Source
    Text-only shortcuts of multimodal reward models: arXiv:2503.03122.
    """
    return db.sql(
        """
        with paid as (
            select
                round(avg(own.reward), 9) as own,
                round(avg(other.reward) filter (other.condition = 'swapped'), 9) as swapped,
                round(avg(other.reward) filter (other.condition = 'none'), 9) as without,
                count(distinct own.sample_id) as n
            from trials as own
            join trials as other using (sample_id, turn, family, completion)
            cross join rewards
            where sees = 'images' and own.family = 'exact' and own.condition = 'own' and own.repeat = 0
                and other.condition in ('swapped', 'none')
        )
        select
            null as sample_id,
            null::integer as turn,
            swapped / own as score,
            0.9 as confidence,
            'with another image ' || printf('%.0f', 100 * swapped / own)
                || ' % of the reward is left, without one '
                || printf('%.0f', 100 * without / own) || ' %, on ' || n || ' right answers' as message,
            json_object(
                'key', 'swapped', 'own', own, 'swapped', swapped, 'without', without, 'n', n
            ) as evidence
        from paid
        where own > 0 and swapped / own > $most
        """,
        most=most,
    )
