"""RUN113."""

from sft_audit.check import Relation, Tables, check
from sft_audit.record.alarmed import Alarmed, alarm

_ASKED = Alarmed("distinct_2")


@check(
    "RUN113",
    severity="warning",
    axis="readiness",
    reads=("series", "alarms"),
    of=_ASKED.of,
    bad=[{"alarms": [alarm("distinct_2", 0.1, 0.3, grade="notice")]}],
    good=[{"alarms": []}, {"alarms": [alarm("another", 0.9, 0.5)]}],
)
def same_words_again(db: Tables) -> Relation:
    """The same pairs of words come again and again.

    ## Why it matters
    Templates and repetition crowd out what the prompt asks for.

    ## Options
    None.

    ## Known limits
    The level follows from the run's own first five steps, so that what was wrong from the start is not
    seen. Completions of a word or two have no pairs.

    ## Source
    distinct-2: Li et al. 2016, arXiv:1510.03055. Half of the first steps' is ours.
    """
    return _ASKED.found(db)
