"""CKP102."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import TINY_WEIGHTS, nudged


@check(
    "CKP102",
    severity="error",
    axis="integrity",
    reads=("weight_parts",),
    of="select count(*) from weight_parts where meant = 'train' and tensors > 0",
    bad=[TINY_WEIGHTS, nudged("vision_tower.layers.0.weight")],
    good=[nudged("multi_modal_projector.linear_1.weight")],
    given={"base": TINY_WEIGHTS, "trained": ["projector"]},
)
def trained_part_unmoved(db: Tables) -> Relation:
    """A part that was meant to train is the base model's still.

    ## Why it matters
    The run did not do what it was paid for: the part was frozen after all, its gradients never arrived, or
    the base model was saved in place of the result. What the other parts learned, they learned around it.

    ## Options
    None.

    ## Known limits
    Asked where `--trained` says which parts were meant to train. Whether the model sees is another question,
    which its answers tell; so this counts on integrity, whichever the part. A part of which every tensor is
    the base's rounded to bf16 or f16 counts as unmoved. The score is 1.

    ## Source
    None is needed: the weights are compared bit by bit.
    """
    return db.sql(
        """
        select
            null as sample_id,
            null::integer as turn,
            1.0 as score,
            1.0 as confidence,
            part || ' was meant to train, and its ' || tensors || ' tensors are those of the base model'
                as message,
            json_object('key', part, 'n', tensors) as evidence
        from weight_parts
        where meant = 'train' and tensors > 0 and identical = tensors
        """
    )
