"""PRF303."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import row


def _row(answer: str) -> dict[str, object]:
    return row("<image>\nWhat is this?", answer)


@check(
    "PRF303",
    severity="error",
    axis="exploit",
    reads=("preferences", "answers", "samples", "image_uses", "images"),
    of="select count(distinct sample_id) from answers",
    remedy="drop",
    bad=[
        [_row("A kitchen with three mugs, one broken.")],
        [_row("a kitchen with three mugs; one broken")],
    ],
    good=[
        [_row("A kitchen with two mugs."), _row("No.")],
        [_row("A kitchen with three mugs, one broken, and a plate.")],
    ],
    given={
        "preferences": [
            {
                "image": "kitchen.jpg",
                "prompt": "What is this?",
                "chosen": "A kitchen with two mugs.",
                "rejected": "A kitchen with three mugs, one broken.",
            }
        ]
    },
)
def rejected_as_target(db: Tables, *, min_words: int = 8, min_words_elsewhere: int = 20) -> Relation:
    """The supervised answer is a response that a known comparison rejects.

    ## Why it matters
    The model is taught the very thing that people, or the preference model, marked as worse. Preference
    training and RL then have to undo it, and where the reward leaks they pay for it instead.

    It is asked only where comparisons are given (`preferences` in the configuration): without them it is
    *not asked*, which is not a pass.

    The remedy drops the row, on request.

    ## Options
    `min_words`: words from which an answer is told by its text alone, where one side has no image.
    `min_words_elsewhere`: words from which it is told by its text alone, where the images differ.

    ## Known limits
    Texts are compared without case, punctuation and spaces. An answer is matched on image and question,
    whatever its length; on the image alone from 4 words; on the question alone where neither side has an
    image. Images are the same by content or by file name. Where the same text is chosen in another
    comparison of that image or question, nothing is reported. Reworded responses are not found. The score is
    the number of words.

    ## Source
    RLHF-V (arXiv:2312.00849): `rejected` is the response with the hallucination; School of Reward Hacks,
    arXiv:2508.17511.
    """
    return db.sql(
        r"""
        with pairs as (
            select
                pair_id,
                image_id,
                nullif(parse_filename(uri), 'embedded') as name,
                trim(regexp_replace(lower(prompt), '[^\p{L}\p{N}]+', ' ', 'g')) as prompt,
                trim(regexp_replace(lower(chosen), '[^\p{L}\p{N}]+', ' ', 'g')) as good,
                trim(regexp_replace(lower(rejected), '[^\p{L}\p{N}]+', ' ', 'g')) as bad,
                chosen
            from preferences
        ), wrong as (
            select pair_id, image_id, name, prompt, bad as said, chosen
            from pairs
            where bad <> ''
              and bad <> good
              and not exists (
                select 1
                from pairs as other
                where other.good = pairs.bad
                  and (
                    other.image_id = pairs.image_id
                    or other.name = pairs.name
                    or other.prompt = pairs.prompt and coalesce(other.name, pairs.name) is null
                  )
              )
        ), openings as (
            select distinct left(said, 12) as opening
            from wrong
        ), told as (
            select
                sample_id,
                turn,
                trim(regexp_replace(lower(question), '[^\p{L}\p{N}]+', ' ', 'g')) as prompt,
                trim(regexp_replace(lower(answer), '[^\p{L}\p{N}]+', ' ', 'g')) as said
            from answers
            semi join openings on opening
                = left(trim(regexp_replace(lower(left(answer, 80)), '[^\p{L}\p{N}]+', ' ', 'g')), 12)
        ), met as (
            select
                told.sample_id,
                told.turn,
                pair_id,
                chosen,
                length(told.said) - length(replace(told.said, ' ', '')) + 1 as words,
                told.prompt = wrong.prompt as same_prompt,
                wrong.image_id is null and wrong.name is null as no_image,
                coalesce(bool_or(
                    image_uses.image_id = wrong.image_id
                    or regexp_replace(parse_filename(image_uses.uri), '###.*', '') = wrong.name
                ), false) as same_image,
                count(image_uses.slot) = 0 as text_only
            from told
            join wrong using (said)
            left join image_uses on image_uses.sample_id = told.sample_id
            group by all
        ), matched as (
            select
                *,
                case
                    when same_image and same_prompt then 'image and question'
                    when same_image and words >= 4 then 'image'
                    when no_image and text_only and same_prompt then 'question'
                    when (no_image or text_only) and words >= $min_words then 'text'
                    when words >= $min_words_elsewhere then 'text'
                end as means
            from met
        ), nearest as (
            select
                sample_id,
                turn,
                words,
                arg_min(
                    struct_pack(pair_id := pair_id, chosen := chosen, means := means),
                    row(list_position(['image and question', 'image', 'question', 'text'], means), pair_id)
                ) as pair,
                count(*) as pairs
            from matched
            where means is not null
            group by sample_id, turn, words
        )
        select
            sample_id,
            turn,
            words::double as score,
            if(pair.means = 'text', 0.9, 1.0) as confidence,
            'the answer, ' || words || if(words = 1, ' word', ' words') || ' long, is the response that '
                || pair.pair_id || ' rejects (same ' || pair.means || if(pair.means = 'text', '', ' and text')
                || ')' as message,
            json_object(
                'pair', pair.pair_id, 'by', pair.means, 'chosen', left(pair.chosen, 500), 'pairs', pairs
            ) as evidence
        from nearest
        """,
        min_words=min_words,
        min_words_elsewhere=min_words_elsewhere,
    )
