"""Completions in a run's log that are not judged: of a step begun again, of evaluation, logged twice."""

import re

from sft_audit.store import Store

TRL = re.compile(r"completions_\d+\.parquet")  # a file of a step
_KINDS = 4
# A run that is resumed appends steps again to the log that it has. A log that goes back more often than half
# of its steps number is in no order, and tells nothing of this kind.
_WRITTEN_AGAIN = """
    insert into unjudged
    with read as (
        select
            rollout,
            file,
            step,
            line < lag(line) over (partition by file order by rollout) as anew,
            step < lag(step) over (partition by file order by rollout) as back
        from rollouts
        where condition = 'image' and step is not null
    ), parted as (
        select
            *,
            count(*) filter (anew) over (partition by file order by rollout) as log,
            count(*) filter (back and not anew) over (partition by file order by rollout) as part
        from read
    ), in_order as (
        select file, log
        from parted
        group by file, log
        having 2 * (max(part) - min(part)) <= count(distinct step)
    )
    select rollout, 'a step that the run began again later: only the later completions are judged'
    from parted
    join in_order using (file, log)
    qualify part < max(part) over (partition by file, log, step)
"""
# TRL writes the completions that it sampled last, whatever for: at an evaluation over the step's own, and
# after it until it samples for training again. Source: huggingface/trl `trl/trainer/grpo_trainer.py`, `log`.
_EVALUATED = """
    insert into unjudged
    with logged as (
        select step, list(hash(prompt, completion) order by rollout) as said
        from rollouts
        where condition = 'image' and regexp_full_match(file, $trl)
        group by step
    ), evaluated as (
        select said
        from logged
        where step in (select step from steps where starts_with(name, 'eval_'))
    )
    select rollout, 'TRL logged the completions of an evaluation here'
    from rollouts
    where condition = 'image' and regexp_full_match(file, $trl)
        and step in (select step from logged where said in (select said from evaluated))
        and rollout not in (select rollout from unjudged)
"""
# A step that holds the completions of the step before, in their order, with their rewards: TRL logs those
# again that several updates use. Where a prompt hardly gets two answers, steps are alike all the same.
_REPEATED = f"""
    insert into unjudged
    with told as (
        select
            step,
            row_number() over (partition by step order by rollout) as place,
            key,
            hash(key, completion, reward) as content
        from rollouts
        join logged_keys using (rollout)
        where condition = 'image' and step is not null and rollout not in (select rollout from unjudged)
    ), summed as (
        select
            step,
            count(distinct content) - count(distinct key) as kinds,
            sum(hash(place, content)::hugeint) as content
        from told
        group by step
    ), compared as (
        select *, lag(content) over (order by step) as content_before
        from summed
    )
    select rollout, 'its step holds the completions of the step before, logged again'
    from rollouts
    join compared using (step)
    where condition = 'image' and content = content_before and kinds >= {_KINDS}
        and rollout not in (select rollout from unjudged)
"""
_TOLD = """
    insert into rollout_faults
    select file, line, condition, 'unjudged', detail
    from rollouts
    join unjudged using (rollout)
    order by rollout
"""
_KEYLESS = "delete from logged_keys where rollout in (select rollout from unjudged)"


def set_aside(store: Store) -> None:
    """Count the completions of a run's log that are of none of its steps: without a key they get no group."""
    store.execute("create or replace temp table unjudged (rollout BIGINT, detail VARCHAR)")
    store.execute(_WRITTEN_AGAIN)
    store.execute(_EVALUATED, {"trl": f"(?:.*/)?{TRL.pattern}"})
    for one in (_REPEATED, _TOLD, _KEYLESS, "drop table unjudged"):
        store.execute(one)
