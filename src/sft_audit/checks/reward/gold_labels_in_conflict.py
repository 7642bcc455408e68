"""RWD122."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import row
from sft_audit.record.contradictions import CLASHES, COMPARED, COMPARED_SAMPLES, NEAR_PAIRS

_ASKED = "<image>\nHow many cars are there?"


@check(
    "RWD122",
    severity="warning",
    axis="integrity",
    reads=("answers", "samples"),
    of=COMPARED_SAMPLES,
    bad=[[row(_ASKED, answer) for answer in ("3", "4", "3")]],
    good=[[row(_ASKED, answer) for answer in ("3", "three", "There are 3 cars.")], [row(_ASKED, "3")]],
)
def gold_labels_in_conflict(db: Tables, *, most: float = 0.02) -> Relation:
    """Known answers contradict one another, so that at least one of each group is wrong.

    ## Why it matters
    A verifier pays for agreeing with the known answer. Where that is wrong, RL pays for the wrong answer and
    not for the right one, however good the verifier is.

    ## Options
    `most`: the share of wrong ones that the upper 95 % bound may reach.

    ## Known limits
    Only closed answers to one question about one image, asked at least twice, can be held against each other
    (CON401); every other answer is not verifiable, and the message counts them. In a group the answer
    that the fewest contradict is taken for right, so that the share is a lower bound of the errors there:
    answers that agree may be wrong together. The interval takes answers for independent. The score is that
    share.

    ## Source
    One in a group of answers that cannot all hold is wrong: logic. The level is a default of ours.
    """
    return db.sql(
        COMPARED
        + CLASHES
        + """
        , opposed as (
            select image, asked, kind, canonical, coalesce(found.against, 0) as against
            from spelled
            left join clashes as found using (image, asked, kind, canonical)
            semi join clashes using (image, asked, kind)
        ), groups as (
            select
                image,
                asked,
                kind,
                greatest(1, min(against)) as wrong,
                list(canonical order by against, canonical)[:3] as said
            from opposed
            group by image, asked, kind
        ), counted as (
            select
                sum(wrong) as k,
                count(*) as groups,
                arg_min(asked, (-wrong, asked)) as example,
                arg_min(said, (-wrong, asked)) as said,
                (select sum(answers) from grouped) as n,
                (select count(*) from answers) as total
            from groups
        )
        select
            null as sample_id,
            null::integer as turn,
            k / n as score,
            0.95 as confidence,
            'at least ' || k || ' of the ' || n || ' known answers that can be compared are wrong ('
                || printf('%.1f', 100 * k / n) || ' %, 95 % interval '
                || printf('%.1f', 100 * wilson_low(k, n)) || ' to ' || printf('%.1f', 100 * wilson_high(k, n))
                || ' %): ' || groups || if(groups = 1, ' question has', ' questions have')
                || ' answers that cannot all hold, for example "' || left(example, 80) || '": '
                || array_to_string(said, ' or ') || '; the other ' || (total - n) || ' of ' || total
                || ' are not verifiable' as message,
            json_object(
                'key', 'gold', 'k', k, 'n', n, 'groups', groups, 'total', total,
                'not_verifiable', total - n, 'low', wilson_low(k, n), 'high', wilson_high(k, n)
            ) as evidence
        from counted
        where k > 0 and wilson_high(k, n) > $most
        """,
        near=NEAR_PAIRS,
        most=most,
    )
