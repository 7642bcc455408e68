"""CKP121."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import change
from sft_audit.record.judged import Judged

_ASKED = Judged("unmoved", fewest=20)


@check(
    "CKP121",
    severity="error",
    axis="blindness",
    reads=("changes",),
    of=_ASKED.of,
    put=_ASKED.put,
    bad=[{"changes": [change("unmoved", 0.97, 0.94, 0.99, 0.1)]}],
    good=[{"changes": [change("unmoved", 0.06, 0.03, 0.1, 0.1)]}],
)
def image_unused(db: Tables, *, most: float = 0.8) -> Relation:
    """The answers do not depend on the image.

    ## Why it matters
    A model that says the same whatever it sees is blind: RL can only pay it for guessing well. Shortcuts
    are hysteretic: a penalty before they set in stops them, the same penalty afterwards hardly does.

    ## Options
    `most`: share of unchanged answers above which it is reported.

    ## Known limits
    Fewer than 20 such probes say too little: then nothing is known. The swapped image belongs to another
    probe with the same question and another known answer, so that a seeing model changes its answer. The
    score is the lower 95 % bound of the share.

    ## Source
    Swapped inputs: Gat et al. 2021, arXiv:2110.14375. Hysteresis: arXiv:2606.22043. Training on items that
    need no image left a model worse than its base (VidGround, 2026). The level is a default of ours.
    """
    return _ASKED.found(
        db,
        where="sft > $most",
        score="sft_low",
        message="""
            'the answer stays the same when an image with another answer is swapped in: ' || n || ' probes, '
                || measured(sft, sft_low, sft_high) || ' of them; the base model '
                || measured(base, base_low, base_high)
        """,
        most=most,
    )
