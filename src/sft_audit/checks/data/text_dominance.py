"""MOD501."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import row


def _rows(pictured: int, text_only: int, words: int = 10) -> list[dict[str, object]]:
    answer = " ".join(["street"] * 10)
    said = " ".join(["street"] * words)
    return [row("<image>\nDescribe.", answer)] * pictured + [row("Tell.", said, image=None)] * text_only


@check(
    "MOD501",
    severity="warning",
    axis="blindness",
    reads=("files", "samples", "turns", "image_uses"),
    bad=[_rows(1, 9), _rows(0, 3), _rows(1, 4, words=1), _rows(4, 1, words=100)],
    good=[
        _rows(9, 1),
        _rows(4, 0),
        _rows(1, 1),
        [row("<video>\nWhat moves?", "A car.", image=None, video="a.mp4")] * 3,
    ],
)
def text_dominance(
    db: Tables, *, report_above: float = 0.5, tokens_per_image: int = 576, max_sources: int = 50
) -> Relation:
    """Text-only rows are most of the rows, or hold most of the supervised tokens.

    ## Why it matters
    The loss is a mean over the supervised tokens of a batch, so that they decide what a step is about; a
    batch is a number of rows, so that these decide how often a step sees an image at all, and a loss that is
    averaged row by row weighs them alike. Where text dominates, the projector and the vision tower are left
    weak, and reinforcement learning finds the shortcut around them. The score is the larger of both shares.

    ## Options
    - `report_above`: reported when either share is more than this. The verdict's threshold is the policy's.
    - `tokens_per_image`: image tokens a slot, where images were not read (`images.n_tokens` is used where
      they were). 576 is LLaVA-1.5: CLIP ViT-L/14 at 336 px, 24 x 24 patches.
    - `max_sources`: how many sources the evidence names, the largest first.

    ## Known limits
    Text tokens are estimated as UTF-8 bytes / 4; the trainer's sampling weights, packing and truncation are
    not seen. A row with a video or audio (a field `video`, `videos`, `audio` or `audios`, or `<video>` or
    `<audio>` in a turn) is not text-only; their tokens are not estimated. The shares are exact for the rows
    audited; under `--sample` that of the tokens has the interval of a ratio estimator clustered by row, that
    of the rows a normal one (Cochran 1977, sections 6.3 and 3.2). A high share is no fault in itself:
    published mixtures reach from 6 % of rows (LLaVA-1.5) to about one half (Qwen2.5-VL), and MLAN
    (2411.10557) did well on text-heavy data.

    What mends it is more rows with an image. Showing the same ones more often is offered by no remedy: at
    80 % text, in a toy world (lab 005), it gained right answers by 5 points in five runs and by 12 in five
    others, neither beyond chance (together 9, 0 to 17), and visual grounding by 29 (15 to 43). An image share
    that rises while it trains gained nothing over the same images in no order, nor did easy images first.

    ## Source
    Review above 0.7: in a toy world (lab 005) visual grounding after SFT fell from 0.90 with 30 % text-only
    rows to 0.66 with 70, 0.38 with 80 and 0.19 with 90, where reinforcement learning was hacked in 3 of 5
    runs; right answers were within 5 points of the best up to 50 %. The level is ours. It may not block.
    """
    return db.sql(
        """
        with slots as (
            select
                sample_id,
                sum(coalesce(images.n_tokens, $tokens)) as image_tokens,
                bool_or(images.n_tokens is not null) as measured
            from image_uses
            left join images using (image_id)
            group by sample_id
        ), said as (
            select
                sample_id,
                coalesce(sum(n_tokens) filter (supervised), 0) as supervised,
                sum(n_tokens) as tokens
            from turns
            group by sample_id
        ), sized as (
            select
                source,
                text_only,
                coalesce(said.supervised, 0) as supervised,
                coalesce(said.tokens, 0) as tokens,
                coalesce(image_tokens, 0) as image_tokens,
                coalesce(measured, false) as measured
            from samples
            left join said using (sample_id)
            left join slots using (sample_id)
            where not malformed
        ), whole as (
            select
                count(*) as n,
                avg(text_only::integer) as row_share,
                sum(supervised) as supervised,
                sum(supervised) filter (text_only) / sum(supervised) as share,
                sum(image_tokens) as image_tokens,
                sum(image_tokens) / sum(tokens + image_tokens) as image_share,
                bool_or(measured) as measured
            from sized
            having sum(supervised) > 0
        ), spread as (
            select
                1.96 * sqrt(
                    sum(pow(supervised * (text_only::integer - (select share from whole)), 2))
                        * any_value(unseen)
                ) / sum(supervised) as half,
                1.96 * sqrt(var_pop(text_only::integer) / count(*) * any_value(unseen)) as row_half
            from sized
            cross join (select greatest(0, 1 - sum(audited) / nullif(sum(rows), 0)) as unseen from files)
        ), weighed as (
            select 'supervised_tokens' as key, share as score, half as reach from whole cross join spread
            union all
            select 'rows', row_share, row_half from whole cross join spread
        ), larger as (
            from weighed
            order by score desc, key desc
            limit 1
        ), by_source as (
            select
                source,
                count(*) as n,
                avg(text_only::integer) as text_rows,
                sum(supervised) as supervised_tokens,
                coalesce(sum(supervised) filter (text_only) / nullif(sum(supervised), 0), 0)
                    as text_supervised,
                sum(image_tokens) as image_tokens
            from sized
            group by source
            order by supervised_tokens desc, source
            limit $max_sources
        )
        select
            null as sample_id,
            null::integer as turn,
            score,
            1.0 as confidence,
            printf(
                'text-only rows hold %.0f %% of the %d supervised tokens and are %.0f %% of the %d rows; '
                    || 'image tokens are %.0f %% of all tokens (%s)',
                100 * share, supervised::bigint, 100 * row_share, n, 100 * image_share,
                if(measured, 'as recorded for the images', 'estimated as ' || $tokens || ' an image')
            ) as message,
            json_object(
                'key', 'supervised_tokens',
                'by', key,
                'share', share,
                'low', greatest(0, score - coalesce(reach, 0)),
                'high', least(1, score + coalesce(reach, 0)),
                'rows', n,
                'row_share', row_share,
                'supervised_tokens', supervised,
                'image_tokens', image_tokens,
                'image_token_share', image_share,
                'image_token_estimate', if(measured, 'images.n_tokens', $tokens || ' a slot'),
                'sources', (select list(by_source) from by_source)
            ) as evidence
        from whole
        cross join larger
        where score > $report_above
        """,
        report_above=report_above,
        tokens=tokens_per_image,
        max_sources=max_sources,
    )
