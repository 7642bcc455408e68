"""What linear probes still read from a checkpoint's activations, of what they read from its base model's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sft_audit.record.clusters import mean_interval
from sft_audit.record.features import KeptFeatures
from sft_audit.record.labels import Labelled
from sft_audit.representation.retention import Read, read_labels
from sft_audit.tables import table

Array = Any  # numpy.ndarray
RETENTION = table(
    "retention",
    "what linear probes read from the activations at one place: the answers of one kind, held out",
    """
    place VARCHAR the last layer of the vision tower, or the projector
    label VARCHAR answer kind of the probes; object: whether an object is shown
    n BIGINT labels that were to be read
    images BIGINT images that they are of
    chance DOUBLE share of the most frequent label of each question
    base DOUBLE share that is read from the base model's activations by its own probe
    as_is DOUBLE share that the base model's probe reads from the checkpoint's
    refitted DOUBLE share that is read from the checkpoint's by a probe of their own
    difference DOUBLE refitted less base
    low DOUBLE lower end of its interval, clustered by image; all of the table hold at 95 %
    high DOUBLE upper end of its interval
    """,
)


@dataclass(frozen=True, slots=True)
class Retained:
    """One row of the table `retention`."""

    place: str
    label: str
    n: int
    images: int
    chance: float
    base: float
    as_is: float
    refitted: float
    difference: float
    low: float
    high: float


def retained(base: KeptFeatures, sft: KeptFeatures, questions: Sequence[Labelled]) -> list[Retained]:
    """Return what is read at the ends of tower and projector, the questions of one kind together."""
    kinds = sorted({one.kind for one in questions})
    places = _read_at(base.places)
    return [
        _of_kind(
            (base.place(place).pooled, sft.place(place).pooled),
            [one for one in questions if one.kind == kind],
            place,
            len(kinds) * len(places),
        )
        for place in places
        for kind in kinds
    ]


def _of_kind(
    features: tuple[Array, Array], questions: Sequence[Labelled], place: str, intervals: int
) -> Retained:
    import numpy as np

    reads = [_read(*features, one) for one in questions]
    images = np.concatenate([one.images for one in questions])
    base = np.concatenate([one.base for one in reads]).astype(float)
    refitted = np.concatenate([one.refitted for one in reads]).astype(float)
    difference, low, high = mean_interval(refitted - base, images, intervals)
    return Retained(
        place=place,
        label=questions[0].kind,
        n=len(images),
        images=len(set(images.tolist())),
        chance=sum(one.chance * len(one.base) for one in reads) / len(images),
        base=float(base.mean()),
        as_is=float(np.concatenate([one.as_is for one in reads]).mean()),
        refitted=float(refitted.mean()),
        difference=difference,
        low=low,
        high=high,
    )


def _read(base: Array, checkpoint: Array, question: Labelled) -> Read:
    chosen = list(question.images)
    return read_labels(base[chosen], checkpoint[chosen], question.labels)


def _read_at(places: Sequence[str]) -> list[str]:
    """Return the last place of the vision tower, and the projector."""
    towers = [place for place in places if place.startswith("vision")]
    return [*towers[-1:], *(place for place in places if place.startswith("projector"))]
