"""CKP103."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import TINY_WEIGHTS, nudged

_PROJECTOR = "multi_modal_projector.linear_1.weight"
_FLAT = {**TINY_WEIGHTS, _PROJECTOR: [[float(x * y) for x in range(1, 7)] for y in range(1, 7)]}


@check(
    "CKP103",
    severity="warning",
    axis="integrity",
    reads=("weights",),
    of="""
        select count(*) from weights
        where present = 'both' and contains(shape, ' x ') and (identical or effective_rank is not null)
    """,
    bad=[_FLAT],
    good=[TINY_WEIGHTS, nudged(_PROJECTOR)],
    given={"base": TINY_WEIGHTS},
    preview=True,
)
def collapsed_weights(db: Tables, *, least: float = 0.7) -> Relation:
    """A matrix of weights has lost directions that the base model's had.

    ## Why it matters
    A matrix of fewer directions passes on less of what goes in: what the base model told apart there, the
    checkpoint cannot.

    ## Options
    `least`: the checkpoint's effective rank over the base's below which a matrix is reported.

    ## Known limits
    Effective rank is exp of the entropy of the singular values, each over their sum. Matrices that did not
    move count as sound; vectors, stacks of experts and matrices of more than 2,048 on their smaller side are
    not looked at. The score is the part of the effective rank that is lost.

    ## Source
    Effective rank: Roy & Vetterli, EUSIPCO 2007. No level has been published from which it harms; 0.7 is a
    default of ours.
    """
    return db.sql(
        """
        select
            null as sample_id,
            null::integer as turn,
            1 - effective_rank / effective_rank_base as score,
            0.9 as confidence,
            name || ' has an effective rank of ' || printf('%.3g', effective_rank) || ', '
                || printf('%.3g', effective_rank_base) || ' in the base model' as message,
            json_object(
                'key', name, 'part', part, 'effective_rank', effective_rank, 'base', effective_rank_base
            ) as evidence
        from weights
        where effective_rank < $least * effective_rank_base
        """,
        least=least,
    )
