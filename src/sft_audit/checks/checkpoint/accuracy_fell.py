"""CKP135."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import change
from sft_audit.record.judged import Judged

_ASKED = Judged("accuracy", compared=True)


@check(
    "CKP135",
    severity="error",
    axis="readiness",
    reads=("changes",),
    of=_ASKED.of,
    bad=[{"changes": [change("accuracy", 0.4, 0.35, 0.45, 0.9, -0.5, -0.6, -0.4, 1e-9)]}],
    good=[{"changes": [change("accuracy", 0.9, 0.85, 0.95, 0.9, 0.0, -0.04, 0.04, 1.0)]}],
)
def accuracy_fell(db: Tables) -> Relation:
    """Fewer image probes are answered rightly than by the base model.

    ## Why it matters
    RL starts from what SFT left. A checkpoint that is worse than its base on probes that neither has seen was
    taught something else than the task.

    ## Options
    None.

    ## Known limits
    Reported where the 95 % interval of the difference lies below 0. An answer that is right in a form that
    cannot be read counts as not right: see CKP130. The score is the loss at the end of the interval that is
    nearer to 0.

    ## Source
    Models fine-tuned on items that need no image fell below their base (VidGround, "Watch Before You Answer",
    2026). The level at which it blocks is a default of ours.
    """
    return _ASKED.found(
        db,
        where="high < 0",
        score="-high",
        message="""
            'image probes answered rightly: ' || measured(sft, sft_low, sft_high) || ', base model '
                || measured(base, base_low, base_high) || ' (' || n || ' probes, p '
                || printf('%.2g', p) || ')'
        """,
    )
