"""How much of two texts is the same, for many pairs at once."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from sft_audit.record.shingles import Offsets, Words64


@dataclass(frozen=True, slots=True)
class Overlap:
    """Of n pairs of texts: distinct shingles in both and in either, and the words of the shorter text.

    `inserted` says where one text is the other with words put in, sentences cut, joined or moved, and nothing
    else; `pinned` is 0 where both have the same pinned words.
    """

    common: "Offsets"
    either: "Offsets"
    words: "Offsets"
    inserted: "npt.NDArray[np.bool_]"
    pinned: "Words64"


@dataclass(frozen=True, slots=True)
class _Counts:
    """The distinct values of each pair: the pair, and how often the value stands in either of its texts."""

    pair: "Offsets"
    in_a: "Offsets"
    in_b: "Offsets"


def overlap(texts_a: Any, texts_b: Any) -> Overlap:  # noqa: ANN401 - pyarrow has no types
    """Compare two Arrow string arrays, text by text."""
    import numpy as np

    from sft_audit.record.shingles import shingles

    a, b = shingles(texts_a), shingles(texts_b)
    n = len(texts_a)
    owners = np.repeat(np.tile(np.arange(n), 2), np.concatenate([a.counts, b.counts]))
    trigrams = _count(a.hashes, b.hashes, owners)
    words = _count(a.words, b.words, owners)
    more_in_a = np.bincount(words.pair[words.in_a > words.in_b], minlength=n)
    more_in_b = np.bincount(words.pair[words.in_b > words.in_a], minlength=n)
    only_in_a = np.bincount(trigrams.pair[trigrams.in_b == 0], minlength=n)
    only_in_b = np.bincount(trigrams.pair[trigrams.in_a == 0], minlength=n)
    either = np.bincount(trigrams.pair, minlength=n)
    # A word put in breaks two trigrams of the text without it, and so does a sentence cut or joined.
    broken = 2 * (abs(a.counts - b.counts) + abs(a.sentences - b.sentences))
    return Overlap(
        either - only_in_a - only_in_b,
        either,
        np.minimum(a.counts, b.counts),
        (np.minimum(more_in_a, more_in_b) == 0) & (np.minimum(only_in_a, only_in_b) <= broken),
        a.pinned - b.pinned,
    )


def _count(a: "Words64", b: "Words64", owners: "Offsets") -> _Counts:
    import numpy as np

    from sft_audit.record.shingles import mix

    keys = mix(np.concatenate([a, b]) + mix(owners.astype(np.uint64) + np.uint64(1)))
    order = np.argsort(keys, kind="stable")
    keys, from_a = keys[order], order < len(a)
    differs = np.ones(len(keys), bool)
    differs[1:] = keys[1:] != keys[:-1]
    first = np.flatnonzero(differs)
    if not len(first):
        nothing = np.empty(0, np.int64)
        return _Counts(nothing, nothing, nothing)
    in_a = np.add.reduceat(from_a.astype(np.int64), first)
    return _Counts(owners[order[first]], in_a, np.diff(np.append(first, len(keys))) - in_a)
