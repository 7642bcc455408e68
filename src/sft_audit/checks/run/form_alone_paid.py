"""RUN104."""

from sft_audit.check import Relation, Tables, check
from sft_audit.record.alarmed import Alarmed, alarm

_ASKED = Alarmed("form_paid")


@check(
    "RUN104",
    severity="error",
    axis="exploit",
    reads=("series", "alarms"),
    of=_ASKED.of,
    bad=[{"alarms": [alarm("form_paid", 0.7, 0.5)]}],
    good=[{"alarms": []}, {"alarms": [alarm("another", 0.9, 0.5)]}],
)
def form_alone_paid(db: Tables) -> Relation:
    """Most groups are paid for form, whatever they answer.

    ## Why it matters
    Where every completion of a group is wrong and some are paid more, the advantage teaches whatever
    those have in common: tags, length, tone.

    ## Options
    None.

    ## Known limits
    A run that must learn a form first shows this in its first steps, and then no more. As RUN103. The
    level is ours and holds for every run: `limits` of the configuration sets another.

    ## Source
    The level is ours. The test: arXiv:2010.09686.
    """
    return _ASKED.found(db)
