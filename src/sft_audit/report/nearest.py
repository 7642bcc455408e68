"""The training rows nearest to what a model says: by the words, and by the image."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sft_audit.record.decode import FAULTS, decode
from sft_audit.record.grey import look, measures
from sft_audit.store import Store, read_manifest

Said = tuple[str, str, Sequence[str]]  # question, what was said, where the images lie
_WORD = r"\w+"
_MOST_ROWS = 100_000
_EACH = 2
_FARTHEST = 10  # bits of 64 by which the hashes of like images differ at the most
_ROWS = """
    select file, position, turn, question, answer, coalesce(phash, 0), phash is not null
    from answers
    join samples using (sample_id)
    left join images using (image_id)
    order by md5(sample_id || turn)
    limit $most
"""


@dataclass(frozen=True, slots=True)
class Near:
    """One training row; `likeness` is the cosine of words, or 1 - differing bits / 64 of the images."""

    by: Literal["words", "image"]
    file: str
    position: int
    question: str
    answer: str
    likeness: float


def nearest_rows(audit: Path | None, said: Sequence[Said]) -> list[tuple[Near, ...]]:
    """Return for each answer the two training rows nearest in words and the two nearest in image.

    `audit` is the folder of a data audit; nothing is found without one. Words are compared by TF-IDF of
    question and answer, images by their perceptual hash. Of more than 100,000 rows a draw is compared.
    """
    if audit is None or not said:
        return [()] * len(said)
    read_manifest(audit)
    store = Store(audit, "2GB", 1, read_only=True)
    try:
        rows = store.rows(_ROWS, {"most": _MOST_ROWS})
    finally:
        store.close()
    if not rows:
        return [()] * len(said)
    words, images = _by_words(rows, said), _by_image(rows, said)
    return [(*a, *b) for a, b in zip(words, images, strict=True)]


def _by_words(rows: Sequence[tuple[Any, ...]], said: Sequence[Said]) -> list[tuple[Near, ...]]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [f"{question} {answer}" for _, _, _, question, answer, *_ in rows]
    vectoriser = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=_WORD)
    likeness = vectoriser.fit_transform([*texts, *(f"{question} {text}" for question, text, _ in said)])
    found = (likeness[len(texts) :] @ likeness[: len(texts)].T).toarray()
    return [tuple(_near(rows, "words", scores)) for scores in found]


def _by_image(rows: Sequence[tuple[Any, ...]], said: Sequence[Said]) -> list[tuple[Near, ...]]:
    import numpy as np

    hashes = np.array([row[5] for row in rows], np.uint64)
    known = np.array([row[6] for row in rows], bool)
    found = list[tuple[Near, ...]]()
    for _, _, places in said:
        own = _hash(places)
        if own is None or not known.any():
            found.append(())
            continue
        bits = np.bitwise_count(hashes ^ np.uint64(own)).astype(float)
        likeness = np.where(known & (bits <= _FARTHEST), 1 - bits / 64, 0.0)
        found.append(tuple(_near(rows, "image", likeness)))
    return found


def _near(rows: Sequence[tuple[Any, ...]], by: Literal["words", "image"], likeness: Any) -> list[Near]:  # noqa: ANN401
    best = sorted(range(len(rows)), key=lambda at: (-likeness[at], rows[at][0], rows[at][1]))[:_EACH]
    return [
        Near(by, rows[at][0], rows[at][1], rows[at][3], rows[at][4], round(float(likeness[at]), 3))
        for at in best
        if likeness[at] > 0
    ]


def _hash(places: Sequence[str]) -> int | None:
    for place in places[:1]:
        with suppress(*FAULTS, MemoryError):
            seen = look(decode(Path(place).read_bytes()).grey)
            return int(measures([seen])["phash"][0])
    return None
