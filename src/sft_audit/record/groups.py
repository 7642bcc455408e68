"""The groups of a run: completions sampled for one prompt at one step, among which an advantage is taken."""

import logging
from math import gcd

from sft_audit.store import Store

log = logging.getLogger(__name__)

_ONE_PROMPT = """
    select count(distinct step) > 1 and max(prompts) = 1
    from (
        select step, condition, count(distinct key) as prompts
        from rollouts
        join logged_keys using (rollout)
        where step is not null and "group" is null
        group by step, condition
    )
"""

# What the log says of a prompt is its key; a log that names the groups is believed.
_COUNTED = """
    select count(*)
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
    counted = [n for (n,) in store.rows(_COUNTED)]
    size = generations or gcd(*counted)
    store.execute(_NUMBERED, {"size": size if size > 1 else _NO_LIMIT})
    if generations and (odd := sum(n % generations > 0 for n in counted)):
        log.warning(
            "--generations %d: at %s steps a prompt has a number of completions that is no multiple of it; "
            "groups may hold several prompts, or parts of one",
            generations,
            f"{odd:,}",
        )
    if generations is None and counted and store.value(_ONE_PROMPT):
        log.warning(
            "each step has one prompt, as the log tells them apart, and its %s completions are taken for one "
            "group; if they are several, give --generations",
            f"{max(counted):,}",
        )
