"""RUN112."""

from sft_audit.check import Relation, Tables, check
from sft_audit.record.alarmed import Alarmed, alarm

_ASKED = Alarmed("vendi")


@check(
    "RUN112",
    severity="warning",
    axis="readiness",
    reads=("series", "alarms"),
    of=_ASKED.of,
    bad=[{"alarms": [alarm("vendi", 0.1, 0.3, grade="notice")]}],
    good=[{"alarms": []}, {"alarms": [alarm("another", 0.9, 0.5)]}],
)
def one_thing_said(db: Tables) -> Relation:
    """Completions of one prompt have become alike though they are not right.

    ## Why it matters
    Exploration is gone: what is not sampled cannot be reinforced, and what is left is one way to be
    wrong.

    ## Options
    None.

    ## Known limits
    The level follows from the run's own first five steps, so that what was wrong from the start is not
    seen. Words are compared, not meanings. Groups that are right throughout are left out.

    ## Source
    Vendi score: Friedman and Dieng, arXiv:2210.02410. Half of the first steps' is ours.
    """
    return _ASKED.found(db)
