"""Texts as hashed word n-grams, computed once for each distinct text."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

WIDTH = 1 << 18
_WORDS = re.compile(r"[^\W\d_]+|\d+")
_LONG_WORDS = re.compile(r"[^\W\d_]{3,}")
_MOST_CHARACTERS, _MOST_WORDS = 4000, 256

Array = Any  # numpy.ndarray
Matrix = Any  # scipy.sparse.csr_matrix
Texts = Any  # list[str | None] or pyarrow.Array


@dataclass(frozen=True, slots=True)
class Block:
    """One text column: the n-grams of its distinct values, and which value each row has.

    `grams` is a binary matrix of distinct values x WIDTH; `codes` gives each row's line in it.
    """

    values: Sequence[str]
    grams: Matrix
    codes: Array

    def only(self, rows: Array) -> "Block":
        """Return the block of these rows."""
        return Block(self.values, self.grams, self.codes[rows])


def block_of(texts: Texts, *, whole: bool = False) -> Block:
    """Hash the words and pairs of words of each text and the text itself; the text alone when `whole`.

    Words are runs of letters or of digits, so that `red_017.png` holds `red`.
    """
    import pyarrow as pa

    column = texts if isinstance(texts, pa.Array) else pa.array(texts, pa.string())
    encoded = column.fill_null("").dictionary_encode()
    values = encoded.dictionary.to_pylist()
    tokens = ([text] if whole and text else _grams(text) for text in values)
    return Block(values, _hashed(tokens), encoded.indices.to_numpy())


def shared_block(one: Block, other: Block) -> Block:
    """Hash the words that two columns of the same rows share, and whether they share one, two, or more."""
    import numpy as np

    ours, theirs = ([_long_words(text) for text in block.values] for block in (one, other))
    if not set().union(*ours) & set().union(*theirs):
        return Block([""], _hashed([[]]), np.zeros(len(one.codes), np.int32))
    pairs, codes = np.unique(one.codes.astype(np.int64) * len(theirs) + other.codes, return_inverse=True)
    left, right = np.divmod(pairs, len(theirs))
    shared = [sorted(ours[i] & theirs[j]) for i, j in zip(left.tolist(), right.tolist(), strict=True)]
    return Block([" ".join(words) for words in shared], _hashed(map(_with_count, shared)), codes)


def _hashed(tokens: Iterable[list[str]]) -> Matrix:
    """Return a binary matrix of texts x WIDTH; the hash is MurmurHash3, the same in every process."""
    import mmh3
    import numpy as np
    from scipy.sparse import csr_matrix

    texts = list(tokens)
    ends = np.cumsum([0, *map(len, texts)])
    hashes = np.fromiter(map(mmh3.hash, chain.from_iterable(texts)), np.int64, ends[-1])
    columns = np.abs(hashes) % WIDTH
    grams = csr_matrix((np.ones(len(columns), np.float32), columns, ends), (len(texts), WIDTH))
    grams.sum_duplicates()
    grams.data[:] = 1
    return grams


def _grams(text: str) -> list[str]:
    words = _WORDS.findall(text[:_MOST_CHARACTERS].lower())[:_MOST_WORDS]
    return [*words, *map("{} {}".format, words, words[1:]), "= " + " ".join(words)] if words else []


def _long_words(text: str) -> set[str]:
    return set(_LONG_WORDS.findall(text[:_MOST_CHARACTERS].lower()))


def _with_count(shared: list[str]) -> list[str]:
    return [*shared, f"= {min(len(shared), 3)}"] if shared else []
