"""RUN105."""

from sft_audit.check import Relation, Tables, check
from sft_audit.record.alarmed import Alarmed, alarm

_ASKED = Alarmed("unpaid")


@check(
    "RUN105",
    severity="error",
    axis="integrity",
    reads=("series", "alarms"),
    of=_ASKED.of,
    bad=[{"alarms": [alarm("unpaid", 0.2, 0.01)]}],
    good=[{"alarms": []}, {"alarms": [alarm("another", 0.9, 0.5)]}],
)
def completions_unpaid(db: Tables) -> Relation:
    """Completions have no reward.

    ## Why it matters
    A reward function that raises, times out or returns NaN leaves completions without a reward; the
    group's mean is then taken over the rest, or the loss is NaN.

    ## Options
    None.

    ## Known limits
    A log that leaves rewards out for other reasons looks the same. The level is ours and holds for
    every run: `limits` of the configuration sets another.

    ## Source
    The trainers' code: TRL takes nansum over the functions and warns.
    """
    return _ASKED.found(db)
