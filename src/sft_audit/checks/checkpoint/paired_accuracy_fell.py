"""CKP122."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import change
from sft_audit.record.judged import Judged

_ASKED = Judged("paired_accuracy", fewest=20, compared=True)


@check(
    "CKP122",
    severity="error",
    axis="blindness",
    reads=("changes",),
    of=_ASKED.of,
    put=_ASKED.put,
    bad=[{"changes": [change("paired_accuracy", 0.5, 0.4, 0.6, 0.9, -0.4, -0.5, -0.3, 1e-08)]}],
    good=[{"changes": [change("paired_accuracy", 0.9, 0.85, 0.94, 0.9, 0, -0.04, 0.04, 1.0)]}],
)
def paired_accuracy_fell(db: Tables, *, level: float = 0.05) -> Relation:
    """The checkpoint tells images apart worse than its base model.

    ## Why it matters
    Of such sets a model without the image gets none right: what is lost here is sight, not knowledge. RL
    starts from less than it could have had.

    ## Options
    `level`: p-value below which it is reported.

    ## Known limits
    Fewer than 20 sets say too little: then nothing is known. One probe of a set for each answer; sets that
    share images are one cluster, and then the signs of clusters are flipped. The score is 1 less the
    p-value.

    ## Source
    Question accuracy of NaturalBench, arXiv:2410.14669. Worse than the base after SFT or RL on items that
    need no image: VidGround, 2026. The level is a default of ours.
    """
    return _ASKED.found(
        db,
        where="difference < 0 and p < $level",
        score="1 - p",
        message="""
            'sets of one question, several images and different answers that are right throughout: '
                || measured(sft, sft_low, sft_high) || ', base model '
                || measured(base, base_low, base_high) || ' (' || n || ' sets, p '
                || printf('%.2g', p) || ')'
        """,
        level=level,
    )
