"""RUN110."""

from sft_audit.check import Relation, Tables, check
from sft_audit.record.alarmed import Alarmed, alarm

_ASKED = Alarmed("length_paid")


@check(
    "RUN110",
    severity="warning",
    axis="exploit",
    reads=("series", "alarms"),
    of=_ASKED.of,
    bad=[{"alarms": [alarm("length_paid", 0.8, 0.6, grade="notice")]}],
    good=[{"alarms": []}, {"alarms": [alarm("another", 0.9, 0.5)]}],
)
def length_paid(db: Tables) -> Relation:
    """Longer completions are paid more for the same answer.

    ## Why it matters
    Of two completions that read alike the longer one is paid more: length is what RL will learn.

    ## Options
    None.

    ## Known limits
    Length is counted in words. A reward function that asks for reasoning pays for length on purpose.
    The level is ours and holds for every run: `limits` of the configuration sets another.

    ## Source
    A rank correlation of 0.2 between length and reward; the level is ours. The test: arXiv:2010.09686.
    """
    return _ASKED.found(db)
