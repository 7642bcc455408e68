"""What is known of the probes' images: labels for a linear probe."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sft_audit.record.question import bare, fold
from sft_audit.store import Store

Fact = tuple[int, str, str, str]  # number of an image; a question about it, the kind of answer, the answer
OBJECT = "object"
_IMAGES, _OF_LABEL = 30, 5
_ANSWERS = """
    select images, probes.question, answers.answer_kind, canonical
    from probes
    join answers using (sample_id, turn)
    where not text_only and canonical is not null and answers.answer_kind <> 'free'
    order by sample_id, turn
"""
_OBJECTS = "select images, objects from probes where objects is not null order by sample_id, turn"


@dataclass(frozen=True, slots=True)
class Labelled:
    """The answers to one question about many images: the images by number, each with its label."""

    kind: str
    images: tuple[int, ...]
    labels: tuple[str, ...]


def read_labels_of(store: Store, numbers: Mapping[str, int], known: Sequence[Fact] = ()) -> list[Labelled]:
    """Return every question that has labels enough: the probes' own, and whether an object is shown.

    `numbers` are the images by address, `known` what other data say of them. A probe of several images has
    none. Labels given to fewer than 5 images are left out, and so are questions with fewer than 30 images or
    a single label.
    """
    asked: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
    for images, question, kind, canonical in store.rows(_ANSWERS):
        if (number := _only(images, numbers)) is not None:
            asked[kind, fold(bare(question))].setdefault(number, canonical)
    for number, question, kind, canonical in known:
        asked[kind, fold(bare(question))].setdefault(number, canonical)
    for name, labels in _shown(store, numbers):
        asked[OBJECT, name] = labels
    kept = ((kind, _frequent(labels)) for (kind, _), labels in sorted(asked.items()))
    return [
        Labelled(kind, tuple(labels), tuple(labels.values()))
        for kind, labels in kept
        if len(labels) >= _IMAGES and len(set(labels.values())) > 1
    ]


def _shown(store: Store, numbers: Mapping[str, int]) -> Iterator[tuple[str, dict[int, str]]]:
    """Yield every object with the images whose objects are known, labelled by whether it is among them."""
    known: dict[int, set[str]] = {}
    for images, objects in store.rows(_OBJECTS):
        if (number := _only(images, numbers)) is not None:
            known.setdefault(number, set()).update(json.loads(objects))
    for name in sorted(set().union(*known.values())):
        yield name, {number: "yes" if name in objects else "no" for number, objects in known.items()}


def _only(images: str, numbers: Mapping[str, int]) -> int | None:
    """Return the number of a probe's only image."""
    places: Sequence[str] = json.loads(images)
    return numbers.get(places[0]) if len(places) == 1 else None


def _frequent(labels: Mapping[int, str]) -> dict[int, str]:
    counts = Counter(labels.values())
    return {number: label for number, label in labels.items() if counts[label] >= _OF_LABEL}
