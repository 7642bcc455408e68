"""CKP137."""

from sft_audit.check import Relation, Rows, Tables, check

_KNOWN, _FEWEST = 0.4, 50
# The kinds of answers that it knows, by Cohen's kappa of what it says and what it was taught, and their rows.
_JUDGED = """
    with taught as (
        select answer_kind, canonical as answer, count(*) as n, count(*) filter (reading = 'right') as agreed
        from own_rows
        group by all
    ), told as (
        select answer_kind, if(reading = 'right', canonical, said) as answer, count(*) as n
        from own_rows
        group by all
    ), agreement as (
        select
            answer_kind,
            sum(agreed) as agreed,
            sum(taught.n) as n,
            sum(taught.n * coalesce(told.n, 0)) / sum(taught.n) as by_chance
        from taught
        left join told using (answer_kind, answer)
        group by all
    ), kinds as (
        select answer_kind
        from agreement
        where n > by_chance and agreed - by_chance >= {known} * (n - by_chance)
    ), asked as (
        from own_rows
        semi join kinds using (answer_kind)
    )
"""
_COLOURS = ("red", "blue", "green", "white")


def _row(at: int, said: str, taught: str, p_said: float = 0.9) -> dict[str, object]:
    return {
        "row_id": f"rows/{at}",
        "file": "rows.json",
        "position": at + 1,
        "image_id": str(at),
        "question": "What is it?",
        "answer": taught,
        "answer_kind": "colour" if taught in _COLOURS else "yes_no",
        "canonical": taught,
        "text": said,
        "said": said,
        "reading": "right" if said == taught else "wrong",
        "p_answer": 0.9 if said == taught else 0.05,
        "p_said": 0.9 if said == taught else p_said,
    }


def _rows(wrong: int, p_said: float = 0.9) -> Rows:
    """Return 100 rows of which so many were taught otherwise than it says, with probability `p_said`."""
    return [_row(at, _COLOURS[at % 4], _COLOURS[(at + (at < wrong)) % 4], p_said) for at in range(100)]


def _mostly_yes(wrong: int) -> Rows:
    """Return 100 rows of which 90 were taught "yes", so many of these wrongly."""
    said = ["no" if at < wrong or at >= 90 else "yes" for at in range(100)]
    return [_row(at, one, "yes" if at < 90 else "no", p_said=0.95) for at, one in enumerate(said)]


@check(
    "CKP137",
    severity="warning",
    axis="integrity",
    reads=("own_rows",),
    of=f"{_JUDGED.format(known=_KNOWN)} select if(count(*) < {_FEWEST}, 0, count(*)) from asked",
    bad=[{"own_rows": _rows(12)}, {"own_rows": _mostly_yes(10)}],
    good=[
        {"own_rows": _rows(0)},
        {"own_rows": _rows(12, p_said=0.45)},
        {"own_rows": _rows(70)},
        {"own_rows": _rows(12)[:20]},
    ],
)
def training_contradicted(
    db: Tables, *, known: float = _KNOWN, fewest: int = _FEWEST, max_listed: int = 50
) -> Relation:
    """The checkpoint surely says otherwise than rows that it was trained on.

    ## Why it matters
    What many rows teach, a model says even where one of them says otherwise, before it has learnt that one by
    heart: so it points at wrong labels, which no pattern in the text shows. A reward that is made of the same
    labels pays for those errors.

    ## Options
    `known`: a kind of answers is judged where what the checkpoint says and what it was taught agree at least
    so far beyond chance (Cohen's kappa). `fewest`: rows of such kinds from which on that is judged.
    `max_listed`: how many are named.

    ## Known limits
    The rows are 1,000 at the most (`own_rows`), of one question about one image with a closed answer of a
    dozen words at the most. What a model learnt by heart it repeats, right or wrong: few denials are no proof
    of sound labels. And it may be the model that errs, at what it cannot see or by a habit; look at the rows
    named before you change any. Kinds of answers that it does not know are left out, and with them their
    wrong labels: of two answers as frequent as each other, where more than three in ten labels are wrong. A
    denial is sure where what it says has at least the probability that rows so labelled have on average, as
    in confident learning: of the whole answer, so that a wordy one seldom is. The rows were trained on and
    not held out, which hides errors. The score is the lower end of the interval of the share (Wilson; rows as
    independent, though several may show one image).

    ## Source
    Confident learning: Northcutt, Jiang and Chuang, JAIR 2021 (1911.00068), section 3.1. Kappa: Cohen 1960,
    moderate from 0.41 on by Landis and Koch 1977. Level: of the labels of ten benchmarks' test sets 3.3 % are
    wrong on average (Northcutt et al., NeurIPS 2021, 2103.14749); that more asks for a look is ours.
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
                    reading = 'wrong' and p_said >= coalesce(usual, (select avg(p_answer) from asked)), false
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
