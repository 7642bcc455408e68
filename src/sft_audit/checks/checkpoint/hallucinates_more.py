"""CKP126."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import change
from sft_audit.record.judged import Judged

_ASKED = Judged("chair_i", compared=True)


@check(
    "CKP126",
    severity="warning",
    axis="blindness",
    reads=("changes",),
    of=_ASKED.of,
    bad=[{"changes": [change("chair_i", 0.4, 0.3, 0.5, 0.1, 0.3, 0.2, 0.4, 1e-05)]}],
    good=[{"changes": [change("chair_i", 0.1, 0.05, 0.15, 0.1, 0, -0.05, 0.05, 0.9)]}],
)
def hallucinates_more(db: Tables) -> Relation:
    """The captions name more objects that are not there than the base model's.

    ## Why it matters
    What SFT made the model say of an image it cannot see, RL with a judge of style rewards for its detail.

    ## Options
    None.

    ## Known limits
    Only objects of the probe set's own list are looked for, as words, singular or plural; synonyms are not.
    A caption that names none adds nothing. The score is the difference of the shares.

    ## Source
    CHAIR, arXiv:1809.02156.
    """
    return _ASKED.found(
        db,
        where="low > 0",
        score="difference",
        message="""
            'of the objects that it names ' || measured(sft, sft_low, sft_high)
                || ' are not in the image, base model ' || measured(base, base_low, base_high) || ' ('
                || n || ' captions)'
        """,
    )
