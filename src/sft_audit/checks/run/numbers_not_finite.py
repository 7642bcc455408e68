"""RUN106."""

from sft_audit.check import Relation, Tables, check
from sft_audit.record.alarmed import Alarmed, alarm

_ASKED = Alarmed("not_finite")


@check(
    "RUN106",
    severity="error",
    axis="integrity",
    reads=("series", "alarms"),
    of=_ASKED.of,
    bad=[{"alarms": [alarm("not_finite", 1, 1)]}],
    good=[{"alarms": []}, {"alarms": [alarm("another", 0.9, 0.5)]}],
)
def numbers_not_finite(db: Tables) -> Relation:
    """The trainer logged a NaN or infinite number.

    ## Why it matters
    A loss or gradient that is not finite either destroys the weights or is skipped without a word.

    ## Options
    None.

    ## Known limits
    Only numbers whose names are known are looked at: loss, gradient norm, reward, divergence, entropy,
    margins.

    ## Source
    The trainers' code.
    """
    return _ASKED.found(db)
