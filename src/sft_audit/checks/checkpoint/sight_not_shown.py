"""CKP136."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import change
from sft_audit.record.judged import Judged

_ASKED = Judged("accuracy_above_chance")


@check(
    "CKP136",
    severity="warning",
    axis="blindness",
    reads=("changes",),
    of=_ASKED.of,
    bad=[{"changes": [change("accuracy_above_chance", 0.02, -0.05, 0.09, 0.01)]}],
    good=[{"changes": [change("accuracy_above_chance", 0.5, 0.4, 0.6, 0.5)]}],
)
def sight_not_shown(db: Tables) -> Relation:
    """Nothing shows that the checkpoint sees: its answers are no better than chance.

    ## Why it matters
    All that is said of swapped images and of pairs is said beside the base model. Where neither does better
    than guessing, nothing fell, and nothing was shown either.

    ## Options
    None.

    ## Known limits
    Probes may be too hard, or asked in a form that neither model answers: then they say nothing of sight, and
    others are needed. Reported where the 95 % interval of accuracy, chance taken off, reaches 0. The score is
    the upper end of that interval, its sign turned, plus 1.

    ## Source
    Chance-corrected accuracy, (share right - chance) / (1 - chance). No level is set.
    """
    return _ASKED.found(
        db,
        where="sft_low <= 0",
        score="1 - sft_high",
        message="""
            'accuracy above chance is ' || measured(sft, sft_low, sft_high) || ' on ' || n
                || ' image probes, base model ' || measured(base, base_low, base_high)
        """,
    )
