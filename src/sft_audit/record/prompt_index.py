"""Which prompt of the data set a logged one is."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sft_audit.record.canonical import canonicalise
from sft_audit.record.question import bare, fold, read_question

_WORD = re.compile(r"\w+|[^\w\s]")
_HEAD = 4  # words under which the questions are filed


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt of the data set; `turn` and `answer` are those of its known answer, if it has one.

    `position` is that of its row, from 1.
    """

    sample_id: str
    turn: int | None
    id: str | None
    question: str
    images: tuple[str, ...]
    answer: str | None
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt as a log has it, and what else the log says of it."""

    prompt: str
    gold: str | None
    id: str | None
    image: str | None
    position: int | None = None


@dataclass(slots=True)
class PromptIndex:
    """The prompts of the data set by what logs know of them.

    A log that names the row's id names its prompt, unless the id stands for several. Else a logged prompt
    is the longest question that stands in it word for word: trainers wrap it in a chat template and in
    instructions. Where several rows ask it, the log's id, image, known answer and, last, position tell them
    apart. Rows that ask the same about the same images and know the same answer are one prompt, the first.
    """

    _by_id: dict[str, list[Prompt]] = field(default_factory=dict)
    _by_words: dict[tuple[str, ...], list[Prompt]] = field(default_factory=dict)
    _lengths: dict[tuple[str, ...], set[int]] = field(default_factory=dict)

    def add(self, prompts: Iterable[Prompt]) -> None:
        """Take in prompts of the data set."""
        for one in prompts:
            if one.id is not None:
                self._by_id.setdefault(one.id, []).append(one)
            if words := _words(one.question):
                self._by_words.setdefault(words, []).append(one)
                self._lengths.setdefault(words[:_HEAD], set()).add(len(words))

    def find(self, asked: Asked) -> tuple[Prompt | None, str]:
        """Return the prompt, or None and why there is none: `unknown` or `ambiguous`."""
        if asked.id is not None and len(_distinct(named := self._by_id.get(asked.id, []))) == 1:
            return named[0], ""
        found = self._asking(_words(asked.prompt))
        if not found:
            return None, "unknown"
        for tells in (_same_id, _same_image, _same_answer, _same_position):
            told = [one for one in found if tells(one, asked)]
            found = told or found
        return (found[0], "") if len(_distinct(found)) == 1 else (None, "ambiguous")

    def _asking(self, words: tuple[str, ...]) -> Sequence[Prompt]:
        """Return the prompts that ask the longest question in a text; of equally long ones the last."""
        best: tuple[str, ...] = ()
        for start in range(len(words)):
            for size in range(1, _HEAD + 1):
                for length in self._lengths.get(words[start : start + size], ()):
                    part = words[start : start + length]
                    if len(part) == length >= len(best) and part in self._by_words:
                        best = part
        return self._by_words.get(best, ())


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(bare(text).casefold()))


def _distinct(prompts: Sequence[Prompt]) -> Mapping[Any, Prompt]:
    return {(one.question, one.images, one.answer and fold(one.answer)): one for one in reversed(prompts)}


def _same_id(one: Prompt, asked: Asked) -> bool:
    return asked.id is not None and one.id == asked.id


def _same_image(one: Prompt, asked: Asked) -> bool:
    return asked.image is not None and asked.image in one.images


def _same_answer(one: Prompt, asked: Asked) -> bool:
    if asked.gold is None or one.answer is None:
        return False
    if fold(asked.gold) == fold(one.answer):
        return True
    question = read_question(one.question)
    kind, canonical = canonicalise(question, one.answer)
    return canonical is not None and canonicalise(question, asked.gold) == (kind, canonical)


def _same_position(one: Prompt, asked: Asked) -> bool:
    return asked.position is not None and one.position == asked.position
