"""GRD202."""

from random import Random

from sft_audit.check import Relation, Tables, check
from sft_audit.example import row

_COLOURS = {"banana": "yellow", "stop sign": "red", "grass": "green", "crow": "black"}


def _rows(by_habit: bool) -> list[dict[str, object]]:
    draw = Random(0)  # noqa: S311 - an example, not a secret
    rows: list[dict[str, object]] = []
    for n in range(320):
        thing = draw.choice(list(_COLOURS))
        colour = _COLOURS[thing] if by_habit else draw.choice(list(_COLOURS.values()))
        rows.append(row(f"<image>\nWhat colour is the {thing}?", colour, image=f"{n}.jpg"))
    return rows


@check(
    "GRD202",
    severity="warning",
    axis="blindness",
    reads=("answers", "blind"),
    of="select count(distinct sample_id) from blind",
    bad=[_rows(by_habit=True)],
    good=[_rows(by_habit=False)],
)
def blind_solvable(db: Tables, *, min_share: float = 0.5) -> Relation:
    """An answer that a reader of the text and metadata alone gives right.

    ## Why it matters
    Such a row teaches the model to answer without looking, and reinforcement learning then pays it for that.
    30.9 % of Video-R1-260K can be answered from the text; training on all of it left a model worse than its
    base.

    The reader is a linear probe on the words of question and metadata, fitted on other images (5 folds
    grouped by image). A row is flagged when the probe is right and the text gives more than `min_share` of
    the bits that the answer holds: p > sqrt(frequency) at 0.5, so 0.71 for a balanced yes or no and 0.32 for
    one of ten. The bits are split into those of the question's template, of its words, and of each metadata
    field; two fields that tell the same share them.

    ## Options
    - `min_share`: share of the answer's bits, -log2 of its frequency, that text and metadata must give.

    ## Known limits
    Only closed answers about images are scored: the 50 most frequent of each answer kind, each given at least
    10 times, in kinds with 200 answers about 30 images. `blind_rates.n_not_scored` counts the rest, which is
    not called clean. The probe knows what this data set teaches and nothing of the world, and it misses what
    takes reasoning. Of the rows flagged at p, 1 - p are right by luck. Earlier turns are not read. A row
    without its image may still be good text data: move it before you drop it.

    ## Source
    Pointwise V-information: Ethayarajh et al., ICML 2022 (2110.08420). The split by field: integrated
    gradients from the question alone to everything, Sundararajan et al., ICML 2017 (1703.01365). The harm:
    VidGround, "Watch Before You Answer" (2026). `min_share` and the policy's threshold are defaults of ours,
    so the verdict may only be REVIEW.
    """
    return db.sql(
        """
        select
            sample_id,
            turn,
            pvi_bits as score,
            p_answer as confidence,
            printf(
                'answered %s without the image: p = %.2f against a frequency of %.2f; '
                    || 'the text gives %.2f of the answer''s %.2f bits',
                left(canonical, 40), p_answer, p_prior, pvi_bits, -log2(p_prior)
            ) || coalesce(
                printf(
                    ', %.2f of them from the %s',
                    (bits_by_field::json::map(varchar, double))[field],
                    left(field, 80)
                ),
                ''
            ) as message,
            json_object(
                'p_answer', p_answer,
                'p_prior', p_prior,
                'bits', pvi_bits,
                'bits_template', bits_template,
                'bits_question', bits_question,
                'bits_fields', bits_fields,
                'bits_by_field', bits_by_field::json,
                'field', field,
                'fold', fold
            ) as evidence
        from blind
        join answers using (sample_id, turn)
        where "right" and pvi_bits > -$min_share * log2(p_prior)
        """,
        min_share=min_share,
    )
