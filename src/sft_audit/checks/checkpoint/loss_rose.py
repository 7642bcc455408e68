"""CKP128."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import change
from sft_audit.record.judged import Judged

_ASKED = Judged("loss", compared=True)


@check(
    "CKP128",
    severity="warning",
    axis="readiness",
    reads=("changes",),
    of=_ASKED.of,
    bad=[{"changes": [change("loss", 2.0, 1.8, 2.2, 1.0, 1.0, 0.8, 1.2, 1e-09)]}],
    good=[{"changes": [change("loss", 0.5, 0.4, 0.6, 1.0, -0.5, -0.6, -0.4, 1e-09)]}],
)
def loss_rose(db: Tables, *, most: float = 0.02) -> Relation:
    """Held-out answers are less likely than under the base model.

    ## Why it matters
    The loss on held-out answers says more of what RL will reach than accuracy after SFT does: one that
    rises says that SFT went on too long, or on the wrong data.

    ## Options
    `most`: rise, as a share of the base model's loss, above which it is reported.

    ## Known limits
    The probes have to be answered in the style of the SFT data; where SFT changed the style, the loss rises
    for that. The score is the rise in nats a token.

    ## Source
    Quagmires in SFT-RL post-training, arXiv:2510.01624. The level of 2 % is a default of ours.
    """
    return _ASKED.found(
        db,
        where="difference > $most * base and low > 0",
        score="difference",
        message="""
            'nats a token of the known answers: ' || measured(sft, sft_low, sft_high) || ', base model '
                || measured(base, base_low, base_high) || ' (' || n || ' probes)'
        """,
        most=most,
    )
