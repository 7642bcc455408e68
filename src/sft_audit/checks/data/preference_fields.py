"""PRF301."""

from collections.abc import Sequence

from sft_audit.check import Relation, Tables, check
from sft_audit.example import row


def _row(**fields: object) -> list[dict[str, object]]:
    return [row() | fields]


@check(
    "PRF301",
    severity="warning",
    axis="exploit",
    reads=("samples",),
    of="select count(*) from samples where not malformed and kind = 'sft'",
    remedy="rewrite",
    safe=True,
    bad=[
        _row(chosen="A kitchen.", rejected="A bathroom."),
        _row(rejected_response="A bathroom."),
        _row(output_1={"from": "gpt", "value": "A"}, output_2={"from": "gpt", "value": "B"}, preference=1),
        _row(score=8.5),
        _row(rating="4"),
        _row(reward=0.73),
        _row(label="bad"),
        _row(score_chosen=8.5, score_rejected=3.0),
        [*_row(), *_row(text='{"question": "What?", "chosen": "A kitchen.", "rejected": "A bathroom."}')],
        _row(annotations={"Helpfulness": {"Rating": "4"}}),
    ],
    good=[
        _row(),
        _row(rating="PG-13", score="3-2", label="kitchen"),
        _row(rejected=None, reward=None),
        _row(visual_dependency_ratings=[4], relevance_ratings=[5], clip_score=0.31),
        _row(label="yes", question_id=4, source="captions", category="winner"),
        _row(text="A caption of the picture.", feedback="none", quality="high"),
    ],
)
def preference_fields(db: Tables, *, allowed: Sequence[str] = ()) -> Relation:
    """The row of an SFT set carries a preference, a score or a reward beside its turns.

    ## Why it matters
    The row comes from a comparison or from a judge's output. Its target may be the response that lost, and
    its score may have been made by the judge that later pays for it: then the model is graded by what it was
    taught. A loader with other column names trains on the wrong one.

    The remedy takes the fields out. SFT trainers do not read them, so that the row teaches what it did.

    ## Options
    `allowed`: names of fields that are there on purpose.

    ## Known limits
    Told by names: `chosen`, `rejected`, `output_1` with `output_2`, `preference`, `reward` and their like
    count with any value; `score`, `rating`, `helpfulness` and their like only with a number; `label` only
    with good, bad, chosen, rejected, better, worse or preferred. `*_ratings` (FineVision) and similarities
    of filters are labels of quality, not of preference. Fields of a message are looked at too. The score is
    the number of fields.

    ## Source
    The fields are those of RLHF-V, RLAIF-V, VLFeedback, LLaVA-RLHF, TRL, ms-swift, OpenAI and UltraFeedback;
    the harm: preference leakage, arXiv:2502.01534.
    """
    return db.sql(
        r"""
        with suspects as (
            select sample_id, extra
            from samples
            where kind = 'sft' and not malformed and regexp_matches(extra, $hint)
        ), fields as (
            select
                sample_id,
                field.key as field,
                regexp_replace(lower(field.key), '^turn\.', '') as name,
                field.type as type,
                json_extract_string(field.value, '$') as value
            from suspects, json_each(extra) as field
        ), told as (
            select
                sample_id,
                field,
                field || ' = ' || left(value, 60) as shown
            from fields
            where type <> 'NULL'
              and not list_contains($allowed::varchar[], field)
              and (
                regexp_full_match(name, $named)
                or regexp_full_match(name, $rated) and (
                    type in ('BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE')
                    or regexp_full_match(value, '\s*-?\d+(\.\d+)?\s*')
                )
                or name = 'label' and regexp_full_match(lower(value), $judged)
                or name in ('text', 'annotations', 'completions') and regexp_matches(value, $inside)
              )
        )
        select
            sample_id,
            null::integer as turn,
            count(*)::double as score,
            1.0 as confidence,
            'beside the turns: ' || string_agg(shown, ', ' order by field) as message,
            json_object('fields', list(field order by field)) as evidence
        from told
        group by sample_id
        """,
        allowed=list(allowed),
        hint=(
            "(?i)chosen|rejected|prefer|reward|score|rating|rate|label|output_[12]|response_[ab12]|helpful|harmless"
            "|honest|correctness|coherence|winner|judg|margin"
        ),
        named=(
            r"(chosen|rejected|preferred|dispreferred|non_preferred)(_\w+)?|(score|reward|rating|logps?)_(chosen|rejected)"
            r"|\w+_(chosen|rejected)|output_[12]|response_[ab12]|preference(s|_label|_score)?|rewards?|reward_(score|model)"
            r"|judge_(score|rating|verdict|output)|judg(e)?ment|better_response|worse_response|winning_response"
        ),
        rated=(
            r"(overall_|final_|judge_|gpt4?_|quality_)?(score|rating)s?|helpfulness|harmlessness|honesty|truthfulness"
            r"|correctness|coherence|verbosity|instruction_following|margin"
        ),
        judged="(very )?(good|bad|chosen|rejected|better|worse|preferred)",
        inside=r'"chosen"\s*:(?s:.*)"rejected"\s*:|(?i:"(helpfulness|visual faithfulness)"\s*:)',
    )
