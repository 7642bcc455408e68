"""RUN119."""

from sft_audit.check import Relation, Tables, check
from sft_audit.record.alarmed import Alarmed, alarm

_ASKED = Alarmed("displaced")


@check(
    "RUN119",
    severity="warning",
    axis="readiness",
    reads=("series", "alarms"),
    of=_ASKED.of,
    bad=[{"alarms": [alarm("displaced", 1, 1, grade="notice")]}],
    good=[{"alarms": []}, {"alarms": [alarm("another", 0.9, 0.5)]}],
)
def chosen_displaced(db: Tables) -> Relation:
    """Chosen responses lose likelihood while the margin grows.

    ## Why it matters
    Preference optimisation may widen the margin by pushing both responses down; what then becomes
    likely is neither.

    ## Options
    None.

    ## Known limits
    It speaks of the mean over a batch.

    ## Source
    Razin et al. 2024, arXiv:2410.08847; ten logs in a row are ours.
    """
    return _ASKED.found(db)
