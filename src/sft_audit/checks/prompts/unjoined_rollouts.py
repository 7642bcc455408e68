"""SIG104."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import log, prompts


@check(
    "SIG104",
    severity="warning",
    axis="integrity",
    reads=("prompts", "rollouts", "rollout_faults"),
    of="select count(*) from rollouts",
    bad=[prompts("own")],
    good=[[*prompts("own"), *prompts("stray", 4)]],
    given={"samples": [*log("own", [1, 0]), *log("stray", [1, 0], 4)]},
)
def unjoined_rollouts(db: Tables, *, least: float = 0.01) -> Relation:
    """Sampled completions cannot be read, joined to a prompt of the data set, or told right or wrong.

    ## Why it matters
    What is said of the prompts is said of the completions that could be used. Where many could not, the log
    belongs to another data set, or the share without signal is that of a part.

    ## Options
    `least`: share of completions from which it is reported.

    ## Known limits
    Without a reward in the log, only answers that read as yes or no, an option, a count, a number or a colour
    can be told wrong; longer ones are told right or not at all. An unreadable line counts as one completion.
    The score is the share of completions that could not be used.

    ## Source
    The level is a default of ours.
    """
    return db.sql(
        """
        with faults as (
            select
                count(*) filter (kind = 'unreadable') as unreadable,
                count(*) filter (kind = 'unknown') as strangers,
                count(*) filter (kind = 'ambiguous') as ambiguous,
                arg_min(file || ':' || line || ': ' || detail, (file, line)) as first
            from rollout_faults
        ), told as (
            select (select coalesce(sum(unverified), 0) from prompts) as untold, (
                select count(*) from rollouts) as n
        ), shares as (
            select *, (unreadable + strangers + ambiguous + untold) / (n + unreadable) as share
            from faults, told
        )
        select
            null as sample_id,
            null::integer as turn,
            share as score,
            0.95 as confidence,
            printf('%.1f', 100 * share) || ' % of ' || (n + unreadable) || ' completions could not be used: '
                || unreadable || ' unreadable, ' || strangers || ' of prompts that are not in the data set, '
                || ambiguous || ' of prompts that several rows ask alike (log the row''s id), '
                || untold || ' neither right nor wrong' || coalesce('; first ' || first, '') as message,
            json_object('key', 'unused', 'unreadable', unreadable, 'strangers', strangers,
                'ambiguous', ambiguous, 'untold', untold
            ) as evidence
        from shares
        where share >= $least
        """,
        least=least,
    )
