"""RUN124."""

from sft_audit.check import Relation, Tables, check
from sft_audit.record.followed import Followed, saved_model

_ASKED = Followed("accuracy", compared=True)
_FELL = {"start": 0.9, "difference": -0.4, "difference_low": -0.5, "difference_high": -0.3}
_SAME = {"start": 0.9, "difference": -0.06, "difference_low": -0.13, "difference_high": 0.01}


@check(
    "RUN124",
    severity="error",
    axis="readiness",
    reads=("checkpoint_measures",),
    of=_ASKED.of,
    put=_ASKED.put,
    bad=[{"checkpoint_measures": [saved_model("accuracy", 0.5, 0.4, 0.6, **_FELL)]}],
    good=[{"checkpoint_measures": [saved_model("accuracy", 0.84, 0.77, 0.89, **_SAME)]}],
)
def probe_accuracy_fell(db: Tables, *, least: float = 0.05) -> Relation:
    """The model answers fewer probes rightly than when the run began.

    ## Why it matters
    A reward that rises while known answers are given less often is paid for something else.

    ## Options
    `least`: loss of accuracy above which it is reported, where 0 lies above its interval.

    ## Known limits
    The probes are put greedily, in their own words: a format that the run taught and that cannot be read
    counts as wrong (see the measure `readable`). The score is the loss.

    ## Source
    Gao, Schulman and Hilton 2022, arXiv:2210.10760: the proxy rises where the gold falls. The level of 5
    points is ours.
    """
    return _ASKED.found(
        db,
        where="difference < -$least and difference_high < 0",
        score="-difference",
        message="""
            'probes with an image answered rightly: ' || measured(value, low, high) || ', at the start '
                || measured(start, start_low, start_high)
        """,
        least=least,
    )
