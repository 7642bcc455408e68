"""CKP127."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import change
from sft_audit.record.judged import Judged

_ASKED = Judged("text_accuracy", compared=True)


@check(
    "CKP127",
    severity="warning",
    axis="readiness",
    reads=("changes",),
    of=_ASKED.of,
    bad=[{"changes": [change("text_accuracy", 0.5, 0.4, 0.6, 0.9, -0.4, -0.5, -0.3, 1e-06)]}],
    good=[{"changes": [change("text_accuracy", 0.9, 0.85, 0.95, 0.9, 0, -0.03, 0.03, 1)]}],
)
def text_forgotten(db: Tables, *, least: float = 0.03) -> Relation:
    """What the base model could do without images is lost.

    ## Why it matters
    SFT on one modality forgets the other; RL on the same prompts forgets it further.

    ## Options
    `least`: loss of accuracy above which it is reported, where 0 lies above its interval.

    ## Known limits
    As much as the text-only probes ask. The score is the loss of accuracy.

    ## Source
    Text-only forgetting: Wings, arXiv:2406.03496. The level of 3 points is a default of ours.
    """
    return _ASKED.found(
        db,
        where="difference < -$least and high < 0",
        score="-difference",
        message="""
            'text-only probes answered rightly: ' || measured(sft, sft_low, sft_high) || ', base model '
                || measured(base, base_low, base_high) || ' (' || n || ' probes)'
        """,
        least=least,
    )
