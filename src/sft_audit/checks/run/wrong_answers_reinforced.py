"""RUN103."""

from sft_audit.check import Relation, Tables, check
from sft_audit.record.alarmed import Alarmed, alarm

_ASKED = Alarmed("wrong_reinforced")


@check(
    "RUN103",
    severity="error",
    axis="exploit",
    reads=("series", "alarms"),
    of=_ASKED.of,
    bad=[{"alarms": [alarm("wrong_reinforced", 0.4, 0.2)]}],
    good=[{"alarms": []}, {"alarms": [alarm("another", 0.9, 0.5)]}],
)
def wrong_answers_reinforced(db: Tables) -> Relation:
    """More and more of what is reinforced is wrong.

    ## Why it matters
    The reward rises and the answers do not get better: the run optimises the reward function's faults.
    This needs no list of exploits, only known answers.

    ## Options
    None.

    ## Known limits
    Only completions that can be told right or wrong count, so that open answers say nothing; the known
    answers are those of the log or of `--data`. The level follows from the run's own first five steps,
    so that what was wrong from the start is not seen.

    ## Source
    Over-optimisation: Gao, Schulman and Hilton 2022, arXiv:2210.10760. The test: arXiv:2010.09686.
    """
    return _ASKED.found(db)
