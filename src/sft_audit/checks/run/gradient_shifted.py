"""RUN116."""

from sft_audit.check import Relation, Tables, check
from sft_audit.record.alarmed import Alarmed, alarm

_ASKED = Alarmed("grad_norm")


@check(
    "RUN116",
    severity="warning",
    axis="integrity",
    reads=("series", "alarms"),
    of=_ASKED.of,
    bad=[{"alarms": [alarm("grad_norm", 9.0, None, grade="notice")]}],
    good=[{"alarms": []}, {"alarms": [alarm("another", 0.9, 0.5)]}],
)
def gradient_shifted(db: Tables) -> Relation:
    """The gradient's norm has shifted upwards.

    ## Why it matters
    A gradient that grows comes before a loss that diverges.

    ## Options
    None.

    ## Known limits
    A cumulative sum, made for a shift of one standard deviation of the first twenty steps; where these
    were not typical it is wrong. It is no proof of a fault.

    ## Source
    Page 1954; Hawkins and Olwell 1998, chapter 2. Eight deviations are ours.
    """
    return _ASKED.found(db)
