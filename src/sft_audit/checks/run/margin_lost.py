"""RUN108."""

from sft_audit.check import Relation, Tables, check
from sft_audit.record.alarmed import Alarmed, alarm

_ASKED = Alarmed("margin")


@check(
    "RUN108",
    severity="error",
    axis="readiness",
    reads=("series", "alarms"),
    of=_ASKED.of,
    bad=[{"alarms": [alarm("margin", 0.4, 1.2)]}],
    good=[{"alarms": []}, {"alarms": [alarm("another", 0.9, 0.5)]}],
)
def margin_lost(db: Tables) -> Relation:
    """The margin between chosen and rejected responses collapsed.

    ## Why it matters
    Preference optimisation that loses its margin has come apart: a learning rate too high, or pairs
    that contradict each other.

    ## Options
    None.

    ## Known limits
    Margins that never rose have nothing to lose.

    ## Source
    Ours.
    """
    return _ASKED.found(db)
