"""CKP123."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import change
from sft_audit.record.judged import Judged

_ASKED = Judged("blind_share")


@check(
    "CKP123",
    severity="warning",
    axis="blindness",
    reads=("changes",),
    of=_ASKED.of,
    bad=[
        {
            "changes": [
                change("blind_share", 0.8, 0.7, 0.9, 0.2),
                change("accuracy_above_chance", 0.5, 0.4, 0.6),
            ]
        }
    ],
    good=[
        {"changes": [change("blind_share", 0.1, 0, 0.2, 0.2), change("accuracy_above_chance", 0.8, 0.7, 0.9)]}
    ],
)
def answers_without_image(db: Tables, *, most: float = 0.5) -> Relation:
    """Much of what is right with the image is right without it.

    ## Why it matters
    Frontier models keep 70 to 80 % of their accuracy on benchmarks with no image at all. What is paid there
    is knowledge of the text, and RL pays for more of it.

    ## Options
    `most`: share, chance taken off, above which it is reported.

    ## Known limits
    The question is put as it stands, the image left out silently; told to guess, models guess less well.
    The chance of a probe is declared by the probe set or found in it. The score is the lower 95 %
    bound.

    ## Source
    Mirage score: arXiv:2603.21687, here with chance taken off both; multi-modal leakage: MMStar,
    arXiv:2403.20330. The level is a default of ours.
    """
    return _ASKED.found(
        db,
        where="sft > $most"
        " and exists (from changes where measure = 'accuracy_above_chance' and sft_low > 0.05)",
        score="sft_low",
        message="""
            'of what the model gets right above chance, ' || measured(sft, sft_low, sft_high)
                || ' it gets right without the image too (' || n || ' probes), the base model '
                || measured(base, base_low, base_high)
        """,
        most=most,
    )
