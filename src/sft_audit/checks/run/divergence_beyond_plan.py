"""RUN118."""

from sft_audit.check import Relation, Tables, check
from sft_audit.record.alarmed import Alarmed, alarm

_ASKED = Alarmed("kl")


@check(
    "RUN118",
    severity="warning",
    axis="readiness",
    reads=("series", "alarms"),
    of=_ASKED.of,
    bad=[{"alarms": [alarm("kl", 0.3, 0.2, grade="notice")]}],
    good=[{"alarms": []}, {"alarms": [alarm("another", 0.9, 0.5)]}],
)
def divergence_beyond_plan(db: Tables) -> Relation:
    """The policy went further from the reference model than was planned.

    ## Why it matters
    Over-optimisation grows with the divergence, whatever the reward does.

    ## Options
    None.

    ## Known limits
    Judged only where `--planned-kl` says what was planned. Estimators of the divergence differ between
    trainers.

    ## Source
    Gao, Schulman and Hilton 2022, arXiv:2210.10760, section 3. Twice the plan is ours.
    """
    return _ASKED.found(db)
