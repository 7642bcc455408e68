"""CKP101."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import TINY_WEIGHTS, nudged


@check(
    "CKP101",
    severity="error",
    axis="integrity",
    reads=("weights", "weight_parts"),
    of="select coalesce(sum(tensors), 0) from weight_parts where meant = 'frozen'",
    bad=[nudged("vision_tower.layers.0.weight")],
    good=[TINY_WEIGHTS, nudged("multi_modal_projector.linear_1.weight")],
    given={"base": TINY_WEIGHTS, "trained": ["projector"]},
)
def frozen_part_moved(db: Tables) -> Relation:
    """A part that was not to be trained is not the base model's.

    ## Why it matters
    The run was not the one that was described: parameters that take no gradient leave an optimiser as they
    came. A vision tower that moved unasked is also where blindness begins.

    ## Options
    None.

    ## Known limits
    Asked where `--trained` says which parts were meant to train; every other is frozen. Tensors that are the
    base's rounded to bf16 or f16, or to the type that they are stored in, count as unmoved. A tensor of
    another shape (an embedding with new tokens) counts as moved; one that is in a single model as neither.
    Running statistics of batch normalisation move without a gradient. The score is the share of the part's
    tensors that moved.

    ## Source
    None is needed: the weights are compared bit by bit.
    """
    return db.sql(
        """
        with moved as (
            select
                part,
                count(*) as k,
                arg_max(name, (coalesce(relative_change, 0), name)) as most,
                count(*) filter (present = 'reshaped') as reshaped
            from weights
            where not identical
            group by part
        )
        select
            null as sample_id,
            null::integer as turn,
            k / tensors as score,
            1.0 as confidence,
            part || ' was to stay frozen, and ' || k || ' of its ' || tensors || ' tensors moved'
                || coalesce(': by ' || printf('%.2g', relative_change) || ' of its norm', '')
                || ', most ' || most
                || if(reshaped > 0, '; ' || reshaped || ' have another shape', '') as message,
            json_object('key', part, 'k', k, 'n', tensors, 'relative_change', relative_change) as evidence
        from weight_parts
        join moved using (part)
        where meant = 'frozen'
        """
    )
