"""RUN111."""

from sft_audit.check import Relation, Tables, check
from sft_audit.record.alarmed import Alarmed, alarm

_ASKED = Alarmed("modal_answer")


@check(
    "RUN111",
    severity="warning",
    axis="blindness",
    reads=("series", "alarms"),
    of=_ASKED.of,
    bad=[{"alarms": [alarm("modal_answer", 0.7, 0.5, grade="notice")]}],
    good=[{"alarms": []}, {"alarms": [alarm("another", 0.9, 0.5)]}],
)
def one_answer_for_all(db: Tables) -> Relation:
    """One answer is given to more and more different prompts.

    ## Why it matters
    A model that answers from its prior, and not from the image, gives the commonest answer everywhere.

    ## Options
    None.

    ## Known limits
    The level follows from the run's own first five steps, so that what was wrong from the start is not
    seen. Prompts that all have one answer look the same.

    ## Source
    Twice the first steps' share is ours.
    """
    return _ASKED.found(db)
