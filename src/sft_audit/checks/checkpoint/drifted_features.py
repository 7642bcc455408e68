"""CKP111."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import change, drift, retention
from sft_audit.record.drifted import DRIFTED

_FAR = drift("vision.4", 0.41, 0.93, null_runs=5)


@check(
    "CKP111",
    severity="error",
    axis="blindness",
    reads=("activations", "retention", "changes"),
    of="select count(distinct place) from activations",
    bad=[
        {"activations": [_FAR], "retention": [retention("projector", 0.92, 0.61)]},
        {"activations": [_FAR], "changes": [change("paired_accuracy", 0.4, 0.3, 0.5, 0.8, -0.4, -0.5, -0.3)]},
        {"activations": [drift("vision.4", 0.41)], "retention": [retention("projector", 0.92, 0.61)]},
    ],
    good=[
        {
            "activations": [_FAR],
            "retention": [retention("projector", 0.92, 0.91)],
            "changes": [change("paired_accuracy", 0.81, 0.7, 0.9, 0.8, 0.01, -0.05, 0.07)],
        },
        {
            "activations": [drift("vision.4", 0.97, 0.93, null_runs=5)],
            "retention": [retention("projector", 0.92, 0.61)],
        },
    ],
)
def drifted_features(db: Tables, *, points: float = 0.05) -> Relation:
    """Activations on images are far from the base model's, and what was read from them is lost.

    ## Why it matters
    RL trains on what the vision tower tells the language model. What fine-tuning has wiped from it no reward
    brings back while the tower is frozen, and slowly where it is not: the model learns to do without.

    ## Options
    `points`: fall of the share that a refitted probe reads from which it fails, as a share of the labels.

    ## Known limits
    Drift alone is never reported here: CKA moves a lot where nothing is lost. So one of two tests must fail:
    a linear probe fitted anew reads `points` less from the checkpoint's features than from the base model's,
    its whole interval below 0; or sets of one question and several images are right less often, the whole
    interval below 0. A probe reads what is linear, and questions asked about 30 images or more. With benign
    runs (`null`) a place has drifted where its interval lies below their 5 % quantile, or their least value
    where fewer than 20 are given; without them where CKA or the ratio of effective ranks is below 0.70.
    Places and measures are many and no allowance is made for that; at any one of them a sixth benign run is
    below five others one time in six. The score is the largest loss, as a share.

    ## Source
    Linear CKA: arXiv:1905.00414; without the bias of few images: arXiv:2010.15327. That it moves without
    harm: arXiv:2210.16156. No level has been published: 0.70, 5 points and the need for both are ours.
    """
    return db.sql(
        f"""
        {DRIFTED}
        select
            null as sample_id,
            null::integer as turn,
            loss as score,
            0.95 as confidence,
            'the features have drifted and lost what was in them: ' || far.said || '; ' || losses as message,
            json_object(
                'key', 'drift', 'place', place, 'measure', measure, 'value', value, 'least', least,
                'places', places
            ) as evidence
        from far, tested
        where failed
        """,
        points=points,
    )
