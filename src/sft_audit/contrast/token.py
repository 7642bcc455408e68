"""The tokens in which completions, prompts and SFT rows are compared: words and signs, in lower case."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from sys import intern

LONGEST = 3  # words of an n-gram
_TOKEN = re.compile(r"\w+(?:'\w+)?|[^\w\s]")
# The marks of a form that a reward asks for; they are features of their own, not words.
_MARKS = re.compile(r"</?(?:think|answer)>|\\boxed")


_SHORT = 1000  # characters


def tokens(text: str) -> tuple[str, ...]:
    """Return the tokens of a text, without the marks around thought and answer."""
    return _of_short(text) if len(text) <= _SHORT else _of_long(text)


def _cut(text: str) -> tuple[str, ...]:
    return tuple(map(intern, _TOKEN.findall(_MARKS.sub(" ", text).lower())))


# Short answers recur by the thousand, a long prompt for every completion of its group.
_of_short = lru_cache(maxsize=1 << 14)(_cut)
_of_long = lru_cache(maxsize=16)(_cut)


def grams(words: Sequence[str]) -> Iterator[str]:
    """Yield the n-grams of one to three tokens, a space between."""
    for size in range(1, LONGEST + 1):
        for at in range(len(words) - size + 1):
            yield " ".join(words[at : at + size])


def places(words: Sequence[str], sought: Sequence[str]) -> list[int]:
    """Return where a run of tokens begins in others; none for an empty one."""
    size = len(sought)
    wanted = tuple(sought)
    return (
        [at for at in range(len(words) - size + 1) if tuple(words[at : at + size]) == wanted] if size else []
    )
