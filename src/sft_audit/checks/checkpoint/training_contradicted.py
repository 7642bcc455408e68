"""CKP137."""

from sft_audit.check import Relation, Rows, Tables, check

_KNOWN = 0.5
# The kinds of answers in which it says what it was taught, and the rows of these.
_JUDGED = """
    with kinds as (
        select answer_kind
        from (
            select answer_kind, canonical, count(*) as n, count(*) filter (reading = 'right') as agreed
            from own_rows
            group by all
        )
        group by answer_kind
        having sum(agreed) - max(n) >= {known} * (sum(n) - max(n)) and sum(n) > max(n)
    ), asked as (
        from own_rows
        semi join kinds using (answer_kind)
    )
"""
_COLOURS = ("red", "blue", "green", "white")


def _rows(wrong: int, p_said: float = 0.9) -> Rows:
    """Return 100 rows of which so many were taught otherwise than it says, with probability `p_said`."""
    rows: Rows = []
    for at in range(100):
        said, taught = (_COLOURS[(at + step) % 4] for step in (0, at < wrong))
        rows.append(
            {
                "row_id": f"rows/{at}",
                "file": "rows.json",
                "position": at + 1,
                "image_id": str(at),
                "question": "What colour is it?",
                "answer": taught,
                "answer_kind": "colour",
                "canonical": taught,
                "text": said,
                "said": said,
                "reading": "right" if said == taught else "wrong",
                "p_answer": 0.9 if said == taught else 0.05,
                "p_said": 0.9 if said == taught else p_said,
            }
        )
    return rows


@check(
    "CKP137",
    severity="warning",
    axis="integrity",
    reads=("own_rows",),
    of=f"{_JUDGED.format(known=_KNOWN)} select count(*) from asked",
    bad=[{"own_rows": _rows(12)}],
    good=[
        {"own_rows": _rows(0)},
        {"own_rows": _rows(12, p_said=0.45)},
        {"own_rows": _rows(70)},
        {"own_rows": _rows(12)[:20]},
    ],
)
def training_contradicted(
    db: Tables, *, known: float = _KNOWN, fewest: int = 50, max_listed: int = 50
) -> Relation:
    """The checkpoint surely says otherwise than rows that it was trained on.

    ## Why it matters
    What many rows teach, a model says even where one of them says otherwise, before it has learnt that one by
    heart: so it points at wrong labels, which no pattern in the text shows. In a toy world with one wrong
    colour in five it denied most of the wrong rows and hardly a sound one. A reward that is made of the
    same labels pays for those errors.

    ## Options
    `known`: a kind of answers is judged where the checkpoint says what it was taught in at least this share
    of the rows that always giving the most frequent answer gets wrong. `fewest`: rows of such kinds from
    which on that is judged. `max_listed`: how many are named.

    ## Known limits
    The rows are 1,000 at the most (`own_rows`), of one question with a closed answer about one image. What a
    model learnt by heart it repeats, right or wrong: few denials are no proof of sound labels. And it may be
    the model that errs, at what it cannot see or by a habit; look at the rows named before you change any.
    Kinds of answers that it does not know are left out, and with them their wrong labels. A denial is sure
    where what it says has at least the probability that rows so labelled have on average, as
    in confident learning, but not out of fold: the rows were trained on, which hides errors and makes up
    none. The score is the lower end of the interval of the share (Wilson; images as independent).

    ## Source
    Confident learning: Northcutt, Jiang and Chuang, JAIR 2021 (1911.00068), section 3.1. Level: of the labels
    of ten benchmarks' test sets 3.3 % are wrong on average (Northcutt et al., NeurIPS 2021, 2103.14749); that
    more asks for a look is ours.
    """
    return db.sql(
        _JUDGED.format(known="$known")
        + """
        , classes as (
            select answer_kind, canonical as said, avg(p_answer) as usual
            from asked
            group by all
        ), judged as (
            select
                asked.*,
                reading = 'wrong' as denied,
                coalesce(
                    reading = 'wrong' and p_said >= coalesce(usual, (select avg(p_answer) from asked)),
                    false
                ) as surely
            from asked
            left join classes using (answer_kind, said)
        ), counted as (
            select count(*) as n, count(*) filter (denied) as denied, count(*) filter (surely) as surely
            from judged
        ), listed as (
            select list(
                {
                    'file': file,
                    'position': position,
                    'question': left(question, 300),
                    'answer': left(answer, 120),
                    'says': left(text, 120),
                    'p_says': round(p_said, 3),
                    'p_answer': round(p_answer, 4)
                }
                order by p_said - p_answer desc, file, position
            )[:$listed] as rows
            from judged
            where surely
        )
        select
            null as sample_id,
            null::integer as turn,
            wilson_low(surely, n) as score,
            0.95 as confidence,
            'of ' || n || ' rows that it was trained on, of kinds that it knows, it denies ' || denied
                || ', surely ' || surely || ' (' || rate_in_words(surely, n) || '): ' || rows[1].file || ':'
                || rows[1].position || ' taught "' || rows[1].answer || '", it says "' || rows[1].says
                || '"' as message,
            json_object(
                'key', 'own_rows', 'n', n, 'denied', denied, 'surely', surely, 'rows', rows
            ) as evidence
        from counted
        cross join listed
        where surely > 0 and n >= $fewest
        """,
        known=known,
        fewest=fewest,
        listed=max_listed,
    )
