"""CKP131."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import change
from sft_audit.record.judged import Judged

_ASKED = Judged("pass_at_k", compared=True)


@check(
    "CKP131",
    severity="warning",
    axis="readiness",
    reads=("changes",),
    of=_ASKED.of,
    bad=[{"changes": [change("pass_at_k", 0.5, 0.4, 0.6, 0.9, -0.4, -0.5, -0.3, 1e-06)]}],
    good=[{"changes": [change("pass_at_k", 0.95, 0.9, 0.98, 0.9, 0.05, 0, 0.1, 0.05)]}],
)
def reach_fell(db: Tables) -> Relation:
    """Fewer probes are within reach of several draws than for the base model.

    ## Why it matters
    RL reweights what the model can already draw: what is out of reach of many draws stays out of reach.

    ## Options
    None.

    ## Known limits
    k is half of `--draws`: with few draws it says little beyond accuracy. Guessing reaches closed answers
    too. The score is the loss.

    ## Source
    pass@k: arXiv:2107.03374; RL stays within it: arXiv:2504.13837; as a predictor: arXiv:2510.01624.
    """
    return _ASKED.found(
        db,
        where="high < 0",
        score="-difference",
        message="""
            'one of several drawn answers is right with probability ' || measured(sft, sft_low, sft_high)
                || ', base model ' || measured(base, base_low, base_high)
                || ' (' || n || ' probes)'
        """,
    )
