"""RUN107."""

from sft_audit.check import Relation, Tables, check
from sft_audit.record.alarmed import Alarmed, alarm

_ASKED = Alarmed("gold_accuracy")


@check(
    "RUN107",
    severity="error",
    axis="readiness",
    reads=("series", "alarms"),
    of=_ASKED.of,
    bad=[{"alarms": [alarm("gold_accuracy", 0.5, 0.57)]}],
    good=[{"alarms": []}, {"alarms": [alarm("another", 0.9, 0.5)]}],
)
def held_out_accuracy_fell(db: Tables) -> Relation:
    """Accuracy on held-out prompts fell.

    ## Why it matters
    The reward on training prompts says nothing about what the model can do. Held-out accuracy that
    falls while the reward rises is the plainest sign of over-optimisation.

    ## Options
    None.

    ## Known limits
    It is the trainer's own evaluation, as often as it ran. An accuracy has no interval here: the log
    does not say on how many prompts it was taken.

    ## Source
    Gao, Schulman and Hilton 2022, arXiv:2210.10760; three points are ours.
    """
    return _ASKED.found(db)
