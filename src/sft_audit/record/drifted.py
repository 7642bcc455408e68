"""What the tables say of drift, in words: which place is farthest, and what still works there."""

# CTEs: `far` (one row or none: what has drifted), `tests` (a row a functional test, whether it `failed`), and
# `tested` (one row: all of them in words). $points is the fall of what a probe reads from which it failed.
DRIFTED = """
    with beyond as (
        select
            *,
            row_number() over (order by measure not like 'cka%', value, ordinal) as place_of_worst,
            case measure
                when 'cka' then 'CKA'
                when 'cka_tokens' then 'CKA of tokens'
                when 'cosine' then 'cosine'
                else 'effective rank against the base model''s'
            end as called
        from activations
        where beyond
    ), far as (
        select
            worst.* exclude (ordinal, beyond, place_of_worst),
            (select count(distinct place) from beyond) as places,
            (select count(distinct place) from activations) as of_places,
            called || ' ' || measured(value, low, high) || ' at ' || place || ', below the '
                || printf('%.3g', least) || case null_runs
                    when 0 then ' held against it without benign runs'
                    when 1 then ' of the one benign run'
                    else ' that ' || null_runs || ' benign runs stay above'
                end || '; ' || (select count(distinct place) from beyond) || ' of '
                || (select count(distinct place) from activations) || ' places have drifted' as said
        from beyond worst
        where place_of_worst = 1
    ), tests as (
        select
            difference,
            high < 0 and difference <= -$points as failed,
            replace(label, '_', '/') || ' labels that a probe of its own reads at ' || place || ': '
                || printf('%.3g', refitted) || ', base model ' || printf('%.3g', base) || ' (change '
                || printf('%+.3g', difference) || ', ' || printf('%+.3g', low) || ' to '
                || printf('%+.3g', high) || ', n ' || n || ', chance ' || printf('%.2g', chance)
                || '; by the base model''s probe ' || printf('%.3g', as_is) || ')' as said
        from retention
        union all
        select
            difference,
            high < 0 as failed,
            'paired-image accuracy: ' || printf('%.3g', sft) || ', base model ' || printf('%.3g', base)
                || ' (change ' || printf('%+.3g', difference) || ', ' || printf('%+.3g', low) || ' to '
                || printf('%+.3g', high) || ', n ' || n || ')' as said
        from changes
        where measure = 'paired_accuracy' and difference is not null
    ), tested as (
        select
            coalesce(bool_or(failed), false) as failed,
            count(*) as n,
            -min(difference) filter (failed) as loss,
            string_agg(said, '; ' order by difference, said) filter (failed) as losses,
            string_agg(said, '; ' order by difference, said) as whole
        from tests
    )
"""
