"""Word trigrams of many texts at once, by array operations on their UTF-8 bytes.

A word is a run of letters and digits, lower-cased in ASCII; a Chinese or Japanese character is a word, and
so is a sign of arithmetic. A shingle is a word with the two that follow it in its sentence, so that
punctuation and the order of sentences do not count. Numbers, number words, signs, negations, yes and no are
*pinned*: texts that differ in one of them say different things, however many shingles they share.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Words64 = npt.NDArray[np.uint64]
    Words32 = npt.NDArray[np.uint32]
    Offsets = npt.NDArray[np.int64]
    Bytes = npt.NDArray[np.uint8]

_PINNED = """
    yes no not t none never neither nor nothing nobody nowhere without cannot true false correct
    incorrect left right above below zero one two three four five six seven eight nine ten eleven twelve
    thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty
    seventy eighty ninety hundred thousand million billion half first second third once twice single
    both 是 不 没 非 无 一 二 三 四 五 六 七 八 九 十 百 千 万
"""
PERMUTATIONS = 32
_CHUNK = 1 << 20  # bytes at a time: its arrays stay in the processor's cache
_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2^64
_SEPARATOR, _LETTER, _SIGN = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Shingles:
    """The words and shingles of n texts: those of text i lie from `starts[i]` to `starts[i + 1]`, in order.

    `words` and `hashes`, one shingle for each word, are of shape (words,), `starts` of shape (n + 1,). Of
    shape (n,) are `pinned`, a hash of the pinned words whatever their order, and `sentences`, how many.
    """

    words: "Words64"
    hashes: "Words64"
    starts: "Offsets"
    pinned: "Words64"
    sentences: "Offsets"

    @property
    def counts(self) -> "Offsets":
        """Return the number of words of each text."""
        return self.starts[1:] - self.starts[:-1]


def chunks(texts: Any) -> Iterator[Shingles]:  # noqa: ANN401 - pyarrow has no types
    """Yield the shingles of an Arrow string array, about 1 MiB of text at a time and at least one text."""
    import numpy as np
    import pyarrow as pa

    texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    texts = texts.cast(pa.large_string()).fill_null("")
    offsets = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    low = 0
    while low < len(texts):
        high = int(np.searchsorted(offsets, offsets[low] + _CHUNK, "right")) - 1
        high = min(max(high, low + 1), len(texts))
        yield _shingles(data[offsets[low] : offsets[high]], offsets[low : high + 1] - offsets[low])
        low = high


def shingles(texts: Any) -> Shingles:  # noqa: ANN401 - pyarrow has no types
    """Return the shingles of an Arrow string array."""
    import numpy as np

    parts = list(chunks(texts))
    if not parts:
        nothing = np.empty(0, np.uint64)
        return Shingles(nothing, nothing, np.zeros(1, np.int64), nothing, np.empty(0, np.int64))
    counts = np.concatenate([part.counts for part in parts])
    return Shingles(
        np.concatenate([part.words for part in parts]),
        np.concatenate([part.hashes for part in parts]),
        np.append(np.int64(0), np.cumsum(counts)),
        np.concatenate([part.pinned for part in parts]),
        np.concatenate([part.sentences for part in parts]),
    )


def minhash(part: Shingles) -> "Words32":
    """Return the MinHash signatures, of shape (n, PERMUTATIONS); without words it is the largest values."""
    import numpy as np

    out = np.full((PERMUTATIONS, len(part.pinned)), 0xFFFFFFFF, np.uint32)
    full = np.flatnonzero(part.counts)
    if len(full):
        short = (part.hashes >> np.uint64(32)).astype(np.uint32)
        starts = part.starts[full]
        for row, factor in zip(out, _factors(), strict=True):
            row[full] = np.minimum.reduceat(short * factor, starts)
    return out.T


def mix(values: "Words64") -> "Words64":
    """Return a bijective scramble of 64-bit values, in which every bit depends on every bit."""
    import numpy as np

    values = (values ^ (values >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    values = (values ^ (values >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return values ^ (values >> np.uint64(32))


def _shingles(data: "Bytes", offsets: "Offsets") -> Shingles:
    import numpy as np

    starts, ends = _words(data, offsets)
    words = _hashes(data, starts, ends)
    first = np.searchsorted(starts, offsets)
    pinned = np.where(_is_pinned(data, starts, ends, words), mix(words), np.uint64(0))
    stop = _sentence_ends(data, ends, first)
    return Shingles(words, _trigrams(words, stop), first, _sums(pinned, first), _sums(stop, first))


def _sums(values: Any, first: "Offsets") -> Any:  # noqa: ANN401 - of the type of the values
    """Return the sum of the values of each text."""
    import numpy as np

    sums = np.cumsum(values)
    running = np.zeros(len(sums) + 1, sums.dtype)
    running[1:] = sums
    return running[first[1:]] - running[first[:-1]]


def _words(data: "Bytes", offsets: "Offsets") -> "tuple[Offsets, Offsets]":
    """Return the first byte of every word, and the byte after its last."""
    import numpy as np

    kind = _kinds()[data]
    digit = _digits()[data]
    begins = np.zeros(len(data) + 1, bool)
    begins[offsets] = True
    before, after = digit[:-2], digit[2:]
    alone = begins[1:-2] | begins[2:-1]  # the text begins here, or ends
    kind[1:-1][(data[1:-1] == ord(".")) & before & after & ~alone] = _LETTER
    kind[:-1][(data[:-1] == ord("-")) & digit[1:] & ~begins[1:-1]] = _SIGN
    begins[:-1] |= kind == _SIGN
    begins[1:-1] |= (kind[:-1] != _LETTER) & (kind[1:] != _SEPARATOR)
    if len(data) and data.max() >= 0x80:
        _split_unicode(data, kind, begins)
    word = kind != _SEPARATOR
    last = word.copy()
    last[:-1] &= ~word[1:] | begins[1:-1]
    begins[:-1] &= word
    return np.flatnonzero(begins[:-1]), np.flatnonzero(last) + 1


def _split_unicode(data: "Bytes", kind: "Bytes", begins: Any) -> None:  # noqa: ANN401 - a bool array
    """Mark typographic punctuation as separators, and every Chinese or Japanese character as a word."""
    import numpy as np

    lead = np.flatnonzero((data >= 0xE2) & (data <= 0xEF))
    lead = lead[lead + 2 < len(data)]
    code = (
        ((data[lead].astype(np.int32) & 0x0F) << 12)
        | ((data[lead + 1].astype(np.int32) & 0x3F) << 6)
        | (data[lead + 2].astype(np.int32) & 0x3F)
    )
    general = (code >= 0x2000) & (code <= 0x206F)
    wide = (code >= 0x3000) & (code <= 0x303F)
    full = (code >= 0xFF01) & (code <= 0xFF20) & ~((code >= 0xFF10) & (code <= 0xFF19))
    for place, width in (lead[general | wide | full], 3), (np.flatnonzero(data == 0xC2), 2):
        for step in range(width):
            kind[place + step] = _SEPARATOR
        begins[place + width] = True
    ideograph = lead[(code >= 0x3040) & (code <= 0x9FFF)]
    begins[ideograph] = True
    begins[ideograph + 3] = True


def _hashes(data: "Bytes", starts: "Offsets", ends: "Offsets") -> "Words64":
    """Return a polynomial hash of every word, by prefix sums of its lower-cased bytes."""
    import numpy as np

    powers, inverses = _powers(len(data))
    sums = np.zeros(len(data) + 1, np.uint64)
    np.cumsum(_lower()[data] * powers, out=sums[1:])
    return mix((sums[ends] - sums[starts]) * inverses[starts])


def _trigrams(words: "Words64", stop: Any) -> "Words64":  # noqa: ANN401 - a bool array
    """Hash every word with the two after it; `stop` marks the last of a sentence: behind it is nothing."""
    import numpy as np

    out = words.copy()
    second = np.where(stop[:-1], np.uint64(0), words[1:])
    out[:-1] += second * np.uint64(0xC2B2AE3D27D4EB4F)
    third = np.where(stop[:-2] | stop[1:-1], np.uint64(0), words[2:])
    out[:-2] += third * np.uint64(0x165667B19E3779F9)
    return mix(out)


def _sentence_ends(data: "Bytes", ends: "Offsets", first: "Offsets") -> Any:  # noqa: ANN401 - a bool array
    import numpy as np

    stop = _stops()[np.append(data, np.uint8(10))[ends]]
    lasts = first[1:] - 1
    stop[lasts[lasts >= 0]] = True
    return stop


def _is_pinned(data: "Bytes", starts: "Offsets", ends: "Offsets", words: "Words64") -> Any:  # noqa: ANN401
    import numpy as np

    table, hashes = _pinned()
    found = table[words >> np.uint64(48)]
    found[found] = np.isin(words[found], hashes)
    return found | _digits()[data[starts]] | _digits()[data[ends - 1]] | (_kinds()[data[starts]] == _SIGN)


@cache
def _pinned() -> "tuple[Any, Words64]":
    """Return the pinned words' hashes, and a table that says which upper 16 bits one of them has."""
    import numpy as np

    data = np.frombuffer(_PINNED.encode(), np.uint8)
    starts, ends = _words(data, np.array([0, len(data)]))
    hashes = _hashes(data, starts, ends)
    table = np.zeros(1 << 16, bool)
    table[hashes >> np.uint64(48)] = True
    return table, hashes


@cache
def _kinds() -> "Bytes":
    import numpy as np

    kinds = np.zeros(256, np.uint8)
    kinds[
        [*range(ord("0"), ord("9") + 1), *range(ord("a"), ord("z") + 1), *range(ord("A"), ord("Z") + 1)]
    ] = 1
    kinds[0x80:] = _LETTER
    kinds[list(b"+=<>^%/")] = _SIGN
    return kinds


@cache
def _digits() -> Any:  # noqa: ANN401 - a bool array
    import numpy as np

    return (np.arange(256) >= ord("0")) & (np.arange(256) <= ord("9"))


@cache
def _stops() -> Any:  # noqa: ANN401 - a bool array
    import numpy as np

    return np.isin(np.arange(256), list(b".!?\n\r"))


@cache
def _lower() -> "Words64":
    import numpy as np

    lower = np.arange(1, 257, dtype=np.uint64)
    lower[ord("A") : ord("Z") + 1] += np.uint64(32)
    return lower


_POWERS: "list[Words64]" = []


def _powers(n: int) -> "tuple[Words64, Words64]":
    """Return base ** i and base ** -i modulo 2^64 for i up to n, kept for the next call."""
    import numpy as np

    if not _POWERS or len(_POWERS[0]) < n + 1:
        size = max(n + 1, _CHUNK + 1)
        inverse = pow(_BASE, -1, 1 << 64)
        _POWERS[:] = [
            np.cumprod(np.append(np.ones(1, np.uint64), np.full(size, base, np.uint64)), dtype=np.uint64)
            for base in (_BASE, inverse)
        ]
    return _POWERS[0][:n], _POWERS[1]


@cache
def _factors() -> "Words32":
    import numpy as np

    return np.random.default_rng(601).integers(0, 1 << 31, PERMUTATIONS, np.uint32) * np.uint32(
        2
    ) + np.uint32(1)
