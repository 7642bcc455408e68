"""CKP129."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import change
from sft_audit.record.judged import Judged

_ASKED = Judged("entropy")


@check(
    "CKP129",
    severity="warning",
    axis="readiness",
    reads=("changes",),
    of=_ASKED.of,
    bad=[{"changes": [change("entropy", 0.01, 0.0, 0.02, 0.5)]}],
    good=[{"changes": [change("entropy", 0.4, 0.3, 0.5, 0.5)]}],
)
def entropy_spent(db: Tables, *, least: float = 0.1) -> Relation:
    """The answers hardly vary: there is no room to explore.

    ## Why it matters
    RL buys reward with entropy: most of both is spent in the first 200 steps, and where none is left none
    is gained.

    ## Options
    `least`: nats below which it is reported.

    ## Known limits
    Short answers to closed questions have little entropy by nature: put probes whose answers are as long as
    the run's. The score is what is missing to `least`.

    ## Source
    R = -a exp(H) + b: arXiv:2505.22617. The level is a default of ours.
    """
    return _ASKED.found(
        db,
        where="sft < $least",
        score="$least - sft",
        message="""
            'mean entropy of the next token: ' || measured(sft, sft_low, sft_high)
                || ' nats along drawn answers (' || n || ' probes), base model '
                || measured(base, base_low, base_high)
        """,
        least=least,
    )
