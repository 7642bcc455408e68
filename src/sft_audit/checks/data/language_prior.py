"""GRD204."""

from random import Random

from sft_audit.check import Relation, Tables, check
from sft_audit.example import row


def _rows(yes_to_cars: float) -> list[dict[str, object]]:
    draw = Random(0)  # noqa: S311 - an example, not a secret
    rows: list[dict[str, object]] = []
    for n in range(400):
        thing = draw.choice(["car", "zebra"])
        yes = draw.random() < (yes_to_cars if thing == "car" else 1 - yes_to_cars)
        rows.append(row(f"<image>\nIs there a {thing}?", "Yes" if yes else "No", image=f"{n}.jpg"))
    return rows


@check(
    "GRD204",
    severity="warning",
    axis="blindness",
    reads=("blind_rates",),
    of="select count(distinct sample_id) from blind",
    remedy="none",
    bad=[_rows(yes_to_cars=0.85)],
    good=[_rows(yes_to_cars=0.5)],
)
def language_prior(db: Tables, *, min_excess: float = 0.05) -> Relation:
    """Questions that give away their answers.

    ## Why it matters
    Where the question alone says what the answer will be (bananas are yellow, what is asked for is there), a
    model is rewarded for reading. The excess is how far a probe that reads only the question gets from chance
    towards always being right: (accuracy - chance) / (1 - chance), where chance is always giving the most
    frequent answer of the answer space. Balance the answers to each question, or pair images that answer the
    same question differently.

    ## Options
    - `min_excess`: least excess that is reported, if its interval is above 0 as well.

    ## Known limits
    The whole set and every source with 200 answers are measured; within a source, chance is that source's
    most frequent answer of the same kind. The whole has a 95 % interval; those of the sources hold at 95 %
    together (Bonferroni), lest some of hundreds of sources be reported by chance. Only closed answers are
    scored, by a linear probe of words, out of fold: a pretrained model can know more. The intervals are for
    this probe, clustered by image. Where nothing was learned, the probe gives the most frequent answer, and
    the excess is exactly 0. Some prior is right: most photos with a fork have a table.

    ## Source
    Chance correction and blind accuracy: MMMU-Pro (2409.02813), Mirage (2603.21687). Simultaneous intervals:
    Dunn, "Multiple Comparisons among Means", JASA 1961. Review above 0.1 is a default of ours: no threshold
    has been published for a probe of this kind, so it may not block.
    """
    return db.sql(
        """
        with measured as (
            select *, count(source) over () as sources
            from blind_rates
            where answer_kind is null and n > 0
        )
        select
            null as sample_id,
            null::integer as turn,
            excess_question as score,
            1.0 as confidence,
            printf(
                '%s: the question alone gives %.0f %% of %d answers, always the most frequent one %.0f %%: '
                    || 'an excess of %.2f (%s %.2f to %.2f); %d answers are not scored',
                coalesce('source ' || left(source, 80), 'all sources'),
                100 * accuracy_question, n, 100 * chance,
                excess_question,
                if(source is null, '95 % interval', 'at 95 % for all ' || sources || ' sources together'),
                low_question, high_question, n_not_scored
            ) as message,
            json_object(
                'key', source,
                'source', source,
                'n', n,
                'n_not_scored', n_not_scored,
                'accuracy', accuracy_question,
                'chance', chance,
                'low', low_question,
                'high', high_question
            ) as evidence
        from measured
        where excess_question >= $min_excess
          and low_question > 0
          and (source is null or sources > 1)
        """,
        min_excess=min_excess,
    )
