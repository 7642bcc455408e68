"""How well answers can be had without the image: accuracy against chance, intervals clustered by image."""

from sft_audit.record.clusters import t_half_width
from sft_audit.store import Store
from sft_audit.tables import TABLES

_MIN_ANSWERS = 200


def fill_rates(store: Store) -> None:
    """Fill `blind_rates` from the work tables, for the whole and each source of at least 200 answers.

    The intervals of the sources hold together: of hundreds of sources without a prior, hardly ever does one
    seem to have one.
    """
    import pyarrow as pa

    columns = (
        "source",
        "answer_kind",
        "n",
        "n_not_scored",
        "clusters",
        "accuracy",
        "accuracy_question",
        "chance",
    )
    found = store.rows(_SUMS, {"least": _MIN_ANSWERS})
    scored = {source for source, _, _, _, clusters, *_ in found if source is not None and clusters}
    rows = []
    for values in found:
        row = dict(zip(columns, values, strict=False))
        clusters = row.pop("clusters")
        together = 1 if row["source"] is None else len(scored)
        sums = values[len(columns) :]
        for suffix, (gain, gain2, cross) in (("", sums[2:5]), ("_question", sums[5:8])):
            excess, low, high = ratio_interval(clusters, gain, sums[0], (gain2, cross, sums[1]), together)
            row |= {f"excess{suffix}": excess, f"low{suffix}": low, f"high{suffix}": high}
        rows.append(row)
    store.insert("blind_rates", pa.Table.from_pylist(rows, schema=TABLES["blind_rates"].arrow_schema()))


def ratio_interval(
    clusters: int | None, a: float, b: float, squares: tuple[float, float, float], intervals: int = 1
) -> tuple[float | None, float | None, float | None]:
    """Return sum(a) / sum(b) and its 95 % interval, linearised and clustered; None where nothing was scored.

    `squares` are the sums over clusters of a^2, a b and b^2 (Cochran 1977, section 6.4; Student's t); so many
    `intervals` hold together. Where chance is always right (b sums to 0) nothing is left to gain: 0. One
    cluster says nothing: -1 to 1.
    """
    if clusters is None:
        return None, None, None
    if not b:
        return 0.0, 0.0, 0.0
    ratio = a / b
    if clusters < 2:
        return ratio, -1.0, 1.0
    spread = max(squares[0] - 2 * ratio * squares[1] + ratio**2 * squares[2], 0.0)
    half = t_half_width(clusters, clusters / (clusters - 1) * spread / b**2, intervals)
    return ratio, ratio - half, min(ratio + half, 1.0)


# Within a source, chance is the most frequent answer of that source: a source that always says yes gives
# nothing away that the skew of its answers does not say already.
_SUMS = """
    with scored as (
        select source, answer_kind, cluster, fold, class, right_all, right_question, right_prior
        from blind_answered
        join blind_rows using (space, fold, draw)
        join blind_spaces using (space)
    ), counted as (
        select source, answer_kind, fold, class, count(*) as k
        from scored
        group by all
    ), elsewhere as (
        select a.source, a.answer_kind, f.fold, a.class, sum(a.k) filter (a.fold <> f.fold) as k
        from counted a
        join (select distinct source, answer_kind, fold from counted) f using (source, answer_kind)
        group by all
    ), common as (
        select source, answer_kind, fold, arg_max(class, coalesce(k, 0) * 100 - class) as common
        from elsewhere
        group by all
    ), marked as (
        select scored.*, class = common as right_source
        from scored
        join common using (source, answer_kind, fold)
    ), clustered as (
        select
            source,
            answer_kind,
            cluster,
            count(*) as n,
            sum(right_all::integer) as r,
            sum(right_question::integer) as q,
            if(grouping(source) = 1, sum(right_prior::integer), sum(right_source::integer)) as m
        from marked
        group by grouping sets (
            (cluster), (cluster, answer_kind), (cluster, source), (cluster, source, answer_kind)
        )
    ), summed as (
        select
            source,
            answer_kind,
            count(*) as clusters,
            sum(n) as n,
            sum(r) / sum(n) as accuracy,
            sum(q) / sum(n) as accuracy_question,
            sum(m) / sum(n) as chance,
            sum(n - m) as b,
            sum((n - m) * (n - m)) as bb,
            sum(r - m) as a,
            sum((r - m) * (r - m)) as aa,
            sum((r - m) * (n - m)) as ab,
            sum(q - m) as c,
            sum((q - m) * (q - m)) as cc,
            sum((q - m) * (n - m)) as cb
        from clustered
        group by source, answer_kind
    ), asked as (
        select source, answer_kind, count(*) as n_asked
        from answers
        join samples using (sample_id)
        where image_id is not null
        group by grouping sets ((), (answer_kind), (source), (source, answer_kind))
        having source is null or count(*) >= $least
    )
    select
        asked.source,
        asked.answer_kind,
        coalesce(n, 0),
        n_asked - coalesce(n, 0),
        clusters,
        accuracy,
        accuracy_question,
        chance,
        b::double, bb::double, a::double, aa::double, ab::double, c::double, cc::double, cb::double
    from asked
    left join summed on asked.source is not distinct from summed.source
        and asked.answer_kind is not distinct from summed.answer_kind
    order by asked.source nulls first, asked.answer_kind nulls first
"""
