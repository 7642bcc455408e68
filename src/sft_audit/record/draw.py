"""A sample of the readable rows: stratified by source, drawn by the rows' own hashes."""

from sft_audit.store import Store

_ROWS_OF_SAMPLES = ("problems", "turns", "image_uses")


def keep_sample(store: Store, size: int, seed: int) -> None:
    """Keep `size` readable rows, each source's share by largest remainder, and every unreadable one.

    Which rows are drawn depends on seed, content and occurrence only: not on order, files or workers.
    """
    store.execute(
        """
        create or replace temp table drawn as
        with lots as (
            select sample_id, source, md5(concat_ws('|', $seed, row_hash, occurrence)) as lot
            from samples
            where not malformed
        ), strata as (
            select source, count(*) as n, $size * count(*) / sum(count(*)) over () as exact
            from lots
            group by source
        ), quotas as (
            select
                source,
                least(n, floor(exact) + case
                    when row_number() over (order by exact - floor(exact) desc, source)
                        <= $size - sum(floor(exact)) over ()
                    then 1 else 0
                end) as quota
            from strata
        ), ranked as (
            select sample_id, source, row_number() over (partition by source order by lot, sample_id) as rank
            from lots
        )
        select sample_id from ranked join quotas using (source) where rank <= quota
        """,
        {"size": size, "seed": seed},
    )
    store.execute(
        "create or replace table samples as"
        " select * from samples where malformed or sample_id in (select sample_id from drawn)"
    )
    for table in _ROWS_OF_SAMPLES:
        store.execute(
            f"create or replace table {table} as select * from {table}"
            " where sample_id is null or sample_id in (select sample_id from samples)"
        )
    store.execute("drop table drawn")
    store.execute(
        """
        update files
        set audited = (select count(*) from samples where samples.file = files.file)
        """
    )
