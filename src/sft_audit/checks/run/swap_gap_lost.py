"""RUN122."""

from sft_audit.check import Relation, Tables, check
from sft_audit.record.followed import Followed, saved_model

_ASKED = Followed("swap_gap_kept")


@check(
    "RUN122",
    severity="error",
    axis="blindness",
    reads=("checkpoint_measures",),
    of=_ASKED.of,
    put=_ASKED.put,
    bad=[{"checkpoint_measures": [saved_model("swap_gap_kept", 0.1, 0.02, 0.18)]}],
    good=[
        {"checkpoint_measures": [saved_model("swap_gap_kept", 0.97, 0.9, 1.04)]},
        {"checkpoint_measures": [saved_model("swap_gap_kept", 0.4, 0.25, 0.55)]},
    ],
)
def swap_gap_lost(db: Tables, *, least: float = 0.5) -> Relation:
    """Swapping the image costs less than half of what it cost when the run began.

    ## Why it matters
    What is earned with the own image less what is earned with another is what the image is worth to the
    model. RL that shrinks it teaches the model to look away.

    ## Options
    `least`: share of the gap at the start below which it is reported, where the whole interval lies below.

    ## Known limits
    The start is `--base`, else the first checkpoint, at which some may be lost already. Where the gap at
    the start cannot be told from 0, there is no share of it. The score is the upper end of its interval,
    taken from 1.

    ## Source
    Perception lost under RL: arXiv:2507.06448, arXiv:2604.03179. Half of the start is ours.
    """
    return _ASKED.found(
        db,
        where="high < $least",
        score="1 - high",
        message="""
            'of the gap between the own image and another, this share of the start is left: '
                || measured(value, low, high)
        """,
        least=least,
    )
