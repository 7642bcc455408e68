"""RUN115."""

from sft_audit.check import Relation, Tables, check
from sft_audit.record.alarmed import Alarmed, alarm

_ASKED = Alarmed("entropy")


@check(
    "RUN115",
    severity="warning",
    axis="readiness",
    reads=("series", "alarms"),
    of=_ASKED.of,
    bad=[{"alarms": [alarm("entropy", 0.05, 0.2, grade="notice")]}],
    good=[{"alarms": []}, {"alarms": [alarm("another", 0.9, 0.5)]}],
)
def entropy_spent(db: Tables) -> Relation:
    """The policy's entropy is nearly spent.

    ## Why it matters
    Gains in reward are bought with entropy; a policy without any learns nothing more.

    ## Options
    None.

    ## Known limits
    The level follows from the run's own first five steps, so that what was wrong from the start is not
    seen. It is the trainer's own estimate.

    ## Source
    Cui et al. 2025, arXiv:2505.22617: 73 % of the entropy and 76 % of the gain went in the first 200
    steps. Three tenths of the first steps' is ours.
    """
    return _ASKED.found(db)
