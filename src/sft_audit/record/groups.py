"""The groups of a run: completions sampled for one prompt at one step, among which an advantage is taken."""

from math import gcd

from sft_audit.store import Store

# What the log says of a prompt is its key; a log that names the groups is believed.
_COUNTED = """
    select distinct count(*)
    from rollouts
    join logged_keys using (rollout)
    where step is not null and "group" is null and condition <> 'sft'
    group by step, condition, key
"""
_NUMBERED = """
    update rollouts
    set group_no = numbered.group_no
    from (
        with placed as (
            select
                rollout,
                step,
                condition,
                coalesce("group", key) as named,
                if(
                    "group" is null and condition <> 'sft',
                    (row_number() over (partition by step, condition, coalesce("group", key) order by rollout)
                        - 1) // $size,
                    0
                ) as part
            from rollouts
            join logged_keys using (rollout)
            where step is not null or condition = 'sft'
        ), begun as (
            select *, min(rollout) over (partition by step, condition, named, part) as first
            from placed
        )
        select rollout, dense_rank() over (order by first) - 1 as group_no
        from begun
    ) as numbered
    where rollouts.rollout = numbered.rollout
"""
_NO_LIMIT = 1 << 40


def number_groups(store: Store, generations: int | None) -> None:
    """Give a number to the groups of all rollouts whose step is known, in the order in which they begin.

    Logs name a group's prompt, not the group, and several samples may have one prompt. With `generations`
    to a group, the completions of a prompt at a step are cut into groups in their order; where that is not
    told, by the greatest common divisor of all their numbers, unless it is 1. What the SFT model sampled
    before RL has no size of a group: all completions of a prompt are one.
    """
    size = generations or gcd(*(n for (n,) in store.rows(_COUNTED)))
    store.execute(_NUMBERED, {"size": size if size > 1 else _NO_LIMIT})
