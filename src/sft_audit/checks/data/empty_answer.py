"""INT106."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import row

_WITH_ANSWERS = "select count(distinct sample_id) from turns where role = 'assistant' and supervised"


@check(
    "INT106",
    severity="error",
    axis="integrity",
    reads=("turns",),
    of=_WITH_ANSWERS,
    remedy="drop",
    safe=True,
    bad=[
        [row("<image>\nWhat is this?", "")],
        [row("<image>\nWhat is this?", " \n\t ")],
        [row("<image>\nWhat is this?", "A street.", "How many cars?", "\u200b")],
    ],
    good=[
        [row("<image>\nWhat is this?", "A street.")],
        [row("<image>\nHow many cars?", "0")],
        [row("<image>\nWhat is written here?", ".")],
    ],
)
def empty_answer(db: Tables) -> Relation:
    """A supervised answer with nothing in it.

    ## Why it matters
    The only token that the loss sees is the end of the turn: the row teaches the model to say nothing.

    ## Options
    None. `evidence.safe` says whether every supervised answer of the row is empty: only then does the row
    teach nothing else, and only then is dropping it safe. The score is the share of the row's supervised
    answers that are empty.

    ## Known limits
    White space, zero-width and no-break characters count as nothing; `.` and `N/A` count as answers.

    ## Source
    The labels that LLaVA's `preprocess` leaves unmasked for such a row: the end-of-sequence token alone.
    """
    return db.sql(
        r"""
        with answered as (
            select
                sample_id,
                turn,
                regexp_full_match(
                    coalesce(text, ''), '[\s\x{00A0}\x{200B}-\x{200D}\x{2060}\x{3000}\x{FEFF}]*'
                ) as blank
            from turns
            where role = 'assistant' and supervised
        ), counted as (
            select sample_id, count(*) as answers, count(*) filter (blank) as empty
            from answered
            group by sample_id
            having empty > 0
        )
        select
            sample_id,
            turn,
            empty / answers as score,
            1.0 as confidence,
            'the answer in turn ' || turn || ' is empty; ' || empty || ' of the ' || answers
                || ' supervised answers of this row are' as message,
            json_object('safe', empty = answers, 'empty', empty, 'answers', answers) as evidence
        from answered
        join counted using (sample_id)
        where blank
        """
    )
