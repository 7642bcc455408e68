"""INT107."""

from collections.abc import Sequence

from sft_audit.check import Relation, Tables, check
from sft_audit.example import row

# RE2, matched against the first 300 characters in lower case with straight apostrophes.
_CANNOT = (
    r"i ?(?:can't|cannot|can not|couldn't|am unable to|'m unable to|am not able to|'m not able to|"
    r"don't have the ability to|do not have the ability to|won't be able to|will not be able to)"
)
_SORRY = r"(?:(?:i'm |i am )?(?:very |so |really |terribly )?sorry|i apologi[sz]e|(?:my )?apologies)"
_REFUSALS = "|".join(
    (
        rf"^{_SORRY}[,.]? (?:but )?(?:as an ai[^.]*,? )?{_CANNOT}\b",
        (
            rf"^(?:unfortunately, |i'm afraid )?{_CANNOT}"
            r" (?:assist|help|fulfil|fulfill|comply|provide|answer|continue)\b"
        ),
        (
            rf"\b{_CANNOT} (?:directly |actually |currently |physically )?"
            r"(?:see|view|access|open|process|analy[sz]e|interpret|perceive)"
            r" (?:(?:any|the|this|that|your|an|attached|provided|uploaded|actual) )*"
            r"(?:images?|pictures?|photos?|photographs?|visuals?|attachments?)\b"
        ),
        (
            r"^as an? (?:ai|artificial intelligence|language model|text-based)\b[^.]{0,80}"
            rf"(?:\b{_CANNOT}|\bi (?:don't|do not))\b"
        ),
        (
            rf"^(?:{_SORRY}|it (?:seems|looks|appears))"
            r"[^.]{0,60}\b(?:no|not|n't)\b[^.]{0,30}"
            r"\b(?:image|picture|photo)\b[^.]{0,20}\b(?:provided|attached|uploaded|included|shared)\b"
        ),
        (
            r"^(?:please|could you please|can you please) (?:provide|upload|attach|share|send)"
            r"(?: me)?(?: with)? (?:the|an|a|your) (?:image|picture|photo)\b"
        ),
    )
)
_DELIBERATE = r"unanswer|refus|abstain|abstention|vizwiz|safety|harmless|red[-_ ]?team|absent"


def _row(answer: str, source: str = "vqa", question: str = "What is on the table?") -> dict[str, object]:
    return row(f"<image>\n{question}", answer, source=source)


@check(
    "INT107",
    severity="warning",
    axis="integrity",
    reads=("samples", "answers"),
    of="select count(distinct sample_id) from answers",
    bad=[
        [_row("I'm sorry, but I cannot see the image.")],
        [_row("I am unable to view images. Please describe it to me.")],
        [_row("As an AI language model, I don't have eyes.")],
        [_row("It seems there is no image attached to your message.")],
        [_row("Sorry, I can\u2019t help with that.")],
        [_row("I apologize, but I won't be able to help with this.")],
        [_row("I'm sorry, I cannot identify people.", source="safety-refusals")],
        [
            _row(
                "I cannot see the image." if n % 3 else "A cup.", source="mixed", question=f"What is at {n}?"
            )
            for n in range(36)
        ],
    ],
    good=[
        [_row("A cup and a plate.")],
        [_row("The sign says: sorry, we are closed.")],
        [_row("No, the man cannot see the picture behind him.")],
        [_row("It cannot be determined from the image whether the shop is open.")],
        [_row("There is no picture on the wall.")],
        [_row("The woman is sorry that she cannot help.")],
    ],
)
def refusal_answer(
    db: Tables,
    *,
    min_refusals: int = 20,
    least_share: float = 0.05,
    most_share: float = 0.95,
    sources: Sequence[str] = (),
) -> Relation:
    """An answer that refuses, or says that it cannot see the image.

    ## Why it matters
    Such answers come from a generator that was run without the image or hit its safety filter. They teach
    the model that looking is not expected of it.

    Sets with questions that cannot be answered teach refusal on purpose. They are recognised by their name,
    or by their share: at least `min_refusals` refusals that make up `least_share` to `most_share` of the
    source's answers, to questions at least half of which differ. Each is reported once, about the source,
    with no row flagged.

    ## Options
    - `min_refusals`: fewest refusals by which a source is recognised as deliberate.
    - `least_share`, `most_share`: the shares between which it is.
    - `sources`: names of further sources that refuse on purpose.

    ## Known limits
    English only, and only the plain forms, looked for in the first 300 characters. "It cannot be determined
    from the image" and "unanswerable" count as answers. The score is 1 for a row, and the share of refusals
    for a source.

    ## Source
    The shares are defaults of ours. VizWiz (Gurari et al., CVPR 2018, 1802.08218) has 28 % unanswerable
    questions.
    """
    return db.sql(
        r"""
        with answered as (
            select
                sample_id,
                turn,
                source,
                question,
                answer,
                regexp_matches(replace(lower(left(trim(answer), 300)), chr(8217), ''''), $refusals) as refuses
            from answers
            join samples using (sample_id)
        ), counted as (
            select
                source,
                count(*) as answers,
                count(*) filter (refuses) as refusals,
                count(distinct question) filter (refuses) as questions
            from answered
            group by source
            having refusals > 0
        ), judged as (
            select
                *,
                refusals / answers as share,
                regexp_matches(lower(source), $deliberate) or list_contains($sources, source) as named,
                refusals >= $min_refusals
                    and share between $least and $most
                    and questions >= refusals / 2 as mixed
            from counted
        )
        select
            sample_id,
            turn,
            1.0 as score,
            0.95 as confidence,
            'the answer refuses: "' || left(trim(answer), 80) || '"; ' || refusals || ' of the ' || answers
                || ' answers of source ' || source || ' do' as message,
            json_object('answer', left(answer, 300), 'refusals', refusals, 'answers', answers) as evidence
        from answered
        join judged using (source)
        where refuses and not (named or mixed)
        union all
        select
            null,
            null,
            share,
            0.95,
            'source ' || source || ' teaches refusal on purpose, by its '
                || if(named, 'name', 'share') || ': ' || refusals || ' of its ' || answers
                || ' answers refuse; no row is flagged',
            json_object('key', source, 'refusals', refusals, 'answers', answers, 'questions', questions)
        from judged
        where named or mixed
        """,
        refusals=_REFUSALS,
        deliberate=_DELIBERATE,
        sources=list(sources),
        min_refusals=min_refusals,
        least=least_share,
        most=most_share,
    )
