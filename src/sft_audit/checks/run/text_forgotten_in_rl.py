"""RUN123."""

from sft_audit.check import Relation, Tables, check
from sft_audit.record.followed import Followed, saved_model

_ASKED = Followed("text_accuracy", compared=True)
_FELL = {"start": 0.9, "difference": -0.4, "difference_low": -0.5, "difference_high": -0.3}
_SAME = {"start": 0.9, "difference": -0.04, "difference_low": -0.1, "difference_high": 0.02}


@check(
    "RUN123",
    severity="warning",
    axis="readiness",
    reads=("checkpoint_measures",),
    of=_ASKED.of,
    put=_ASKED.put,
    bad=[{"checkpoint_measures": [saved_model("text_accuracy", 0.5, 0.4, 0.6, **_FELL)]}],
    good=[{"checkpoint_measures": [saved_model("text_accuracy", 0.86, 0.8, 0.91, **_SAME)]}],
)
def text_forgotten_in_rl(db: Tables, *, least: float = 0.03) -> Relation:
    """What the model could do without images was lost during RL.

    ## Why it matters
    RL on pictured prompts alone forgets what they do not ask for.

    ## Options
    `least`: loss of accuracy above which it is reported, where 0 lies above its interval.

    ## Known limits
    As much as the text-only probes ask; a pack without any is not asked. The score is the loss.

    ## Source
    Text-only forgetting: Wings, arXiv:2406.03496. The level of 3 points is ours.
    """
    return _ASKED.found(
        db,
        where="difference < -$least and difference_high < 0",
        score="-difference",
        message="""
            'text-only probes answered rightly: ' || measured(value, low, high) || ', at the start '
                || measured(start, start_low, start_high)
        """,
        least=least,
    )
