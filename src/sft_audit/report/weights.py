"""What each row weighs: the temporary table from which a report counts rows, tokens and sources."""

from sft_audit.store import Store

MOST_SOURCES = 10_000
OTHERS = "(all other sources)"


def weigh_rows(store: Store) -> None:
    """Create `weights`: sample_id, name (its source), malformed, text_only, supervised, tokens.

    Beyond MOST_SOURCES sources, those with the fewest rows share the name OTHERS.
    """
    store.execute(
        """
        create or replace temp table weights as
        with said as (
            select
                sample_id,
                sum(n_tokens)::bigint as tokens,
                coalesce(sum(n_tokens) filter (supervised), 0)::bigint as supervised
            from turns
            group by sample_id
        ), ranked as (
            select
                coalesce(source, file) as source,
                row_number() over (order by count(*) desc, coalesce(source, file)) as rank
            from samples
            group by coalesce(source, file)
        )
        select
            samples.sample_id,
            if(rank <= $most, ranked.source, $others) as name,
            malformed,
            text_only,
            coalesce(supervised, 0) as supervised,
            coalesce(tokens, 0) as tokens
        from samples
        left join said using (sample_id)
        left join ranked on ranked.source = coalesce(samples.source, samples.file)
        """,
        {"most": MOST_SOURCES, "others": OTHERS},
    )
