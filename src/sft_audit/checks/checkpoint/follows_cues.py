"""CKP124."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import change
from sft_audit.record.judged import Judged

_ASKED = Judged("cue_following")


@check(
    "CKP124",
    severity="warning",
    axis="blindness",
    reads=("changes",),
    of=_ASKED.of,
    bad=[{"changes": [change("cue_following", 0.9, 0.8, 0.95, 0.1)]}],
    good=[{"changes": [change("cue_following", 0.05, 0.02, 0.1, 0.1)]}],
)
def follows_cues(db: Tables, *, most: float = 0.2) -> Relation:
    """The model believes a cue in the prompt rather than the image.

    ## Why it matters
    A caption, a file name or a hint that gave the answer in training is what the model looks at now. In RL
    such a cue, where the prompts carry one, is the cheapest way to reward.

    ## Options
    `most`: share above which it is reported, if beyond chance: the lower 95 % bound is above it.

    ## Known limits
    Asked of probes whose prompt suggests an answer that the image does not show. Deference to a hint can be
    wanted; compare with the base model. The score is the lower 95 % bound.

    ## Source
    Cue-following at the checkpoint and accuracy after RL: Spearman -0.89 over 120 runs of a toy world, -0.90
    over the 20 whose SFT data let the cue lie at times (lab 001). The level is a default of ours.
    """
    return _ASKED.found(
        db,
        where="sft_low > $most",
        score="sft_low",
        message="""
            'says what its prompt suggests against the image: ' || measured(sft, sft_low, sft_high) || ' of '
                || n || ' probes, base model ' || measured(base, base_low, base_high)
        """,
        most=most,
    )
