"""RUN114."""

from sft_audit.check import Relation, Tables, check
from sft_audit.record.alarmed import Alarmed, alarm

_ASKED = Alarmed("length")


@check(
    "RUN114",
    severity="warning",
    axis="readiness",
    reads=("series", "alarms"),
    of=_ASKED.of,
    bad=[{"alarms": [alarm("length", 4.0, 10.0, grade="notice")]}],
    good=[{"alarms": []}, {"alarms": [alarm("another", 0.9, 0.5)]}],
)
def length_changed(db: Tables) -> Relation:
    """Completions have become half or twice as long.

    ## Why it matters
    Answers that shrink have stopped reasoning; answers that swell are often paid for it.

    ## Options
    None.

    ## Known limits
    The level follows from the run's own first five steps, so that what was wrong from the start is not
    seen.

    ## Source
    Half and twice are ours.
    """
    return _ASKED.found(db)
