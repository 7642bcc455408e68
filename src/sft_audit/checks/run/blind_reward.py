"""RUN121."""

from sft_audit.check import Relation, Tables, check
from sft_audit.record.followed import Followed, saved_model

_ASKED = Followed("blind_ratio")
_ROSE = {"start": -0.2, "difference": 0.7, "difference_low": 0.5, "difference_high": 0.9}
_BELOW = {"start": -1.3, "difference": 0.9, "difference_low": 0.6, "difference_high": 1.2}
_KEPT = {"start": 0.1, "difference": 0.02, "difference_low": -0.1, "difference_high": 0.14}
# Where the gap is measurable, a ratio that is not leaves nothing unseen.
_PUT = """
    select count(*)
    from checkpoint_measures
    where measure = 'blind_ratio'
        and step is not null
        and not exists (from checkpoint_measures where measure = 'swap_gap_kept' and value is not null)
"""


@check(
    "RUN121",
    severity="error",
    axis="blindness",
    reads=("checkpoint_measures",),
    of=_ASKED.of,
    put=_PUT,
    bad=[
        {"checkpoint_measures": [saved_model("blind_ratio", 0.98, 0.9, 1.06)]},
        {"checkpoint_measures": [saved_model("blind_ratio", 0.5, 0.3, 0.7, **_ROSE)]},
    ],
    good=[
        {"checkpoint_measures": [saved_model("blind_ratio", 0.12, 0.0, 0.24, **_KEPT)]},
        {"checkpoint_measures": [saved_model("blind_ratio", 0.85, 0.7, 1.0)]},
        {"checkpoint_measures": [saved_model("blind_ratio", -0.4, -0.7, -0.1, **_BELOW)]},
    ],
)
def blind_reward(db: Tables, *, most: float = 0.8, rise: float = 0.15) -> Relation:
    """The reward is earned without the image.

    ## Why it matters
    What a model earns with another image in place of its own, it earns from the text. RL pays for that as
    for seeing, and the shortcut sets in abruptly: a penalty before it does stops it, the same penalty
    afterwards hardly does.

    ## Options
    `most`: blind reward ratio above which it is reported, where the lower end of its interval lies above.
    `rise`: rise from the start above which it is reported, by the lower end of its interval too; below 0
    nothing is earned blindly, and a rise to there is none.

    ## Known limits
    The ratio is (with a swapped image - without looking) / (with the own image - without looking), of what
    `--reward` pays, else of right answers. A model that earns no more than without looking has none: then
    RUN122 and RUN124 speak. The swapped image belongs to a probe of the same question with another answer,
    so that a seeing model lies below 0. The score is the lower end of the ratio's interval.

    ## Source
    Swapped inputs: Gat et al. 2021, arXiv:2110.14375. Abrupt onset: arXiv:2606.22043. Both levels are ours.
    """
    return _ASKED.found(
        db,
        where="(low > $most or (low > 0 and difference_low > $rise))",
        score="low",
        message="""
            'of what is earned beyond guessing, this share is earned with another image as well: '
                || measured(value, low, high) || ', at the start '
                || measured(start, start_low, start_high)
        """,
        most=most,
        rise=rise,
    )
