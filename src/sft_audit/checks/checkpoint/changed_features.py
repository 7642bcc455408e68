"""CKP112."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import change, drift, retention
from sft_audit.record.drifted import DRIFTED

_FAR = drift("vision.4", 0.41, 0.93, null_runs=5)


@check(
    "CKP112",
    severity="info",
    axis="blindness",
    reads=("activations", "retention", "changes"),
    of="select count(distinct place) from activations",
    bad=[
        {
            "activations": [_FAR],
            "retention": [retention("projector", 0.92, 0.91)],
            "changes": [change("paired_accuracy", 0.81, 0.7, 0.9, 0.8, 0.01, -0.05, 0.07)],
        },
        {"activations": [_FAR]},
    ],
    good=[
        {"activations": [_FAR], "retention": [retention("projector", 0.92, 0.61)]},
        {"activations": [drift("vision.4", 0.97, 0.93, null_runs=5)]},
    ],
    remedy="none",
)
def changed_features(db: Tables, *, points: float = 0.05) -> Relation:
    """Activations on images are far from the base model's, and nothing was lost that could be tested.

    ## Why it matters
    It says what fine-tuning moved, so that no one takes it for harm: a tower that was turned, with a
    projector that turned along, or that sees more than it did, is as far from its base as a broken one.

    ## Options
    `points`: as for CKP111.

    ## Known limits
    It never blocks. CKA can be driven anywhere by moving a few images' features along directions that no one
    reads, and a single outlier carries it; better encoders have moved too. What was tested is in the message:
    where it says that nothing could be, give probes with paired images, or of one question about 30 images.

    ## Source
    CKA moved without a change of function: Davari et al., arXiv:2210.16156. Encoders that RL made better:
    arXiv:2510.16333.
    """
    return db.sql(
        f"""
        {DRIFTED}
        select
            null as sample_id,
            null::integer as turn,
            1 - value as score,
            0.95 as confidence,
            if(tested.n = 0, 'the features have changed, and no probe could tell whether to their harm: ',
                'the features have changed, and not to their harm: ') || far.said
                || coalesce('; ' || whole, '') as message,
            json_object(
                'key', 'drift', 'place', place, 'measure', measure, 'value', value, 'least', least,
                'places', places
            ) as evidence
        from far, tested
        where not failed
        """,
        points=points,
    )
