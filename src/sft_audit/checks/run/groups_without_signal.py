"""RUN109."""

from sft_audit.check import Relation, Tables, check
from sft_audit.record.alarmed import Alarmed, alarm

_ASKED = Alarmed("zero_variance")


@check(
    "RUN109",
    severity="warning",
    axis="readiness",
    reads=("series", "alarms"),
    of=_ASKED.of,
    bad=[{"alarms": [alarm("zero_variance", 0.8, 0.6, grade="notice")]}],
    good=[{"alarms": []}, {"alarms": [alarm("another", 0.9, 0.5)]}],
)
def groups_without_signal(db: Tables) -> Relation:
    """Most groups are paid alike and teach nothing.

    ## Why it matters
    A group whose rewards are all equal has no advantage: its completions were sampled for nothing.

    ## Options
    None.

    ## Known limits
    Groups that are all right are the end of learning, not a fault; `sft-audit prompts` finds prompts
    with more to learn. The level is ours and holds for every run: `limits` of the configuration sets
    another.

    ## Source
    DAPO, arXiv:2503.14476; the level is ours.
    """
    return _ASKED.found(db)
