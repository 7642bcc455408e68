"""RUN117."""

from sft_audit.check import Relation, Tables, check
from sft_audit.record.alarmed import Alarmed, alarm

_ASKED = Alarmed("clipped")


@check(
    "RUN117",
    severity="warning",
    axis="integrity",
    reads=("series", "alarms"),
    of=_ASKED.of,
    bad=[{"alarms": [alarm("clipped", 0.2, 0.05, grade="notice")]}],
    good=[{"alarms": []}, {"alarms": [alarm("another", 0.9, 0.5)]}],
)
def completions_cut_off(db: Tables) -> Relation:
    """Completions are cut off at the length limit.

    ## Why it matters
    A completion that is cut off never gave its answer, and is paid for what it did not say.

    ## Options
    None.

    ## Known limits
    The level is ours and holds for every run: `limits` of the configuration sets another.

    ## Source
    The level is ours. The test: arXiv:2010.09686.
    """
    return _ASKED.found(db)
