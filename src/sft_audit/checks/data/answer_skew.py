"""BAL901."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import row
from sft_audit.interval import Z95


def _rows(
    yes: int, no: int, answers: tuple[str, str] = ("Yes", "No"), ask: str = 'Is there a "thing {}"?'
) -> list[dict[str, object]]:
    said = [answers[0]] * yes + [answers[1]] * no
    return [
        row(f"<image>\n{ask.format(n)}", answer, image=f"{n}.jpg", source="pope")
        for n, answer in enumerate(said)
    ]


@check(
    "BAL901",
    severity="info",
    axis="blindness",
    reads=("samples", "answers"),
    of="select count(distinct sample_id) from answers where answer_kind <> 'free'",
    bad=[
        _rows(90, 10),
        _rows(5, 95),
        _rows(80, 0),
        _rows(85, 15, ("2", "3"), 'How many of "thing {}" are there?'),
    ],
    good=[
        _rows(50, 50),
        _rows(60, 40),
        _rows(12, 2),
        _rows(30, 30, ("2", "3"), 'How many of "thing {}" are there?'),
    ],
)
def answer_skew(db: Tables, *, min_answers: int = 50, min_excess: float = 0.3) -> Relation:
    """One answer takes most of an answer space.

    ## Why it matters
    A model that always gives it does well without looking. For questions of existence the healthy share of
    `yes` is about one half.

    ## Options
    - `min_answers`: fewest answers in a group: all yes-or-no answers of a source, all its options, or its
      answers of another kind to one question template.
    - `min_excess`: reported when the lower end of the excess's 95 % interval is above it. The excess is
      (share - 1/k) / (1 - 1/k) for k different answers (two for yes or no): 0 when balanced, 1 when the
      answer is always the same. A yes ratio of 0.65 or 0.35 is an excess of 0.3.

    ## Known limits
    Natural answers are not balanced (most counts are small), so this describes, and the blind probe
    measures what can be had from it. The interval is Wilson's with as many observations as there are
    different images: answers about one image may depend on each other, and this is the bound for when they
    fully do.

    ## Source
    POPE (Li et al., EMNLP 2023, 2305.10355), the yes ratio. The thresholds are defaults of ours.
    """
    return db.sql(
        """
        with answered as (
            select
                source,
                answer_kind as kind,
                if(answer_kind in ('yes_no', 'option'), null, template) as template,
                canonical,
                coalesce(image_id, sample_id) as image
            from answers
            join samples using (sample_id)
            where answer_kind <> 'free' and canonical is not null
        ), spelled as (
            select source, kind, template, canonical, count(*) as n
            from answered
            group by source, kind, template, canonical
        ), spaces as (
            select
                source,
                kind,
                template,
                sum(n) as answers,
                if(kind = 'yes_no', 2, greatest(count(*), 2)) as k,
                arg_max(canonical, (n, canonical)) as modal,
                max(n) / sum(n) as share,
                coalesce(sum(n) filter (canonical = 'yes'), 0) / sum(n) as yes_ratio
            from spelled
            group by source, kind, template
            having answers >= $min_answers
        ), clustered as (
            select source, kind, template, count(distinct image) as images
            from answered
            semi join spaces
              on answered.source = spaces.source
              and answered.kind = spaces.kind
              and answered.template is not distinct from spaces.template
            group by source, kind, template
        ), bounded as (
            select
                spaces.*,
                images,
                (share + $z2 / (2 * images)) / (1 + $z2 / images) as centre,
                sqrt($z2 * (share * (1 - share) + $z2 / (4 * images)) / images) / (1 + $z2 / images) as half
            from spaces
            join clustered
              on clustered.source = spaces.source
              and clustered.kind = spaces.kind
              and clustered.template is not distinct from spaces.template
        ), measured as (
            select
                *,
                greatest(0, (share - 1 / k) / (1 - 1 / k)) as excess,
                greatest(0, (centre - half - 1 / k) / (1 - 1 / k)) as low,
                least(1, (centre + half - 1 / k) / (1 - 1 / k)) as high
            from bounded
        )
        select
            null as sample_id,
            null::integer as turn,
            excess as score,
            0.95 as confidence,
            if(kind = 'yes_no',
                'source ' || source || ': ' || round(100 * yes_ratio)::integer || ' % of ' || answers
                    || ' yes-or-no answers are yes',
                'source ' || source || ': ' || round(100 * share)::integer || ' % of ' || answers
                    || ' ' || kind || ' answers are ' || modal
                    || coalesce(' to "' || left(template, 80) || '"', '')
            ) || '; a balanced space of ' || k || ' has ' || round(100 / k)::integer || ' %, the excess is '
                || printf('%.2f (95 %% interval %.2f to %.2f)', excess, low, high) as message,
            json_object(
                'key', concat_ws('/', source, kind, template),
                'source', source, 'kind', kind, 'template', template, 'n', answers, 'images', images, 'k', k,
                'modal', modal, 'share', share, 'yes_ratio', if(kind = 'yes_no', yes_ratio, null),
                'low', low, 'high', high
            ) as evidence
        from measured
        where low > $min_excess
        """,
        min_answers=min_answers,
        min_excess=min_excess,
        z2=Z95 * Z95,
    )
