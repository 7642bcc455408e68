"""Trials of a reward function: completions known to be right or wrong, made from the user's own rows.

A family of trials is a function under `@family`, found by walking this package; one file may hold several.
"""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from types import MappingProxyType
from typing import Literal, TypeVar

from sft_audit import rewards
from sft_audit.record.canonical import AnswerKind, canonicalise
from sft_audit.record.question import Question, bare, fold, read_question

Expected = Literal["right", "wrong"]
T = TypeVar("T")

CLOSED = frozenset({"yes_no", "colour", "count", "option", "number"})
# It holds no figure, colour, option or yes and no, so that what is paid is paid for the answer.
THOUGHT = "Looking at the picture with care."


@dataclass(frozen=True, slots=True)
class Trial:
    """A completion that a reward function must pay (`right`) or must not pay (`wrong`).

    `gold` and `prompt`, where given, stand in for the row's own; `note` says which variant it is.
    """

    family: str
    expected: Expected
    completion: str
    gold: str | None = None
    note: str = ""
    prompt: str | None = None


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """A question of the data set with its known answer, and how that answer is read."""

    question: Question
    answer: str
    kind: AnswerKind
    canonical: str | None

    @property
    def text(self) -> str:
        """Return the answer without the white space around it."""
        return self.answer.strip()

    def says(self, text: str) -> bool:
        """Return whether a text reads as this answer."""
        if self.canonical is None:
            return fold(text) == fold(self.answer)
        return canonicalise(self.question, text) == (self.kind, self.canonical)

    def gainsays(self, text: str) -> bool:
        """Return whether a text plainly reads as another answer."""
        kind, canonical = canonicalise(self.question, text)
        return self.kind in CLOSED and kind in CLOSED and (kind, canonical) != (self.kind, self.canonical)

    def option_text(self, name: str) -> str | None:
        """Return an option's text as the question shows it; None where texts do not tell options apart."""
        texts = [text for _, text in self.question.options]
        text = dict(self.question.options).get(name, "")
        if not text or texts.count(text) > 1 or not all(_is_whole(one) for one in texts):
            return None
        shown = re.findall(re.escape(text), self.question.text, re.IGNORECASE)
        return str(shown[-1]) if shown else None


def _is_whole(option: str) -> bool:
    """Return whether an option's text is more than a letter, and not one cut off inside its brackets."""
    pairs = (("(", ")"), ("[", "]"), ("{", "}"))
    balanced = all(option.count(opening) == option.count(closing) for opening, closing in pairs)
    return balanced and option.count("$") % 2 == 0 and not (len(option) == 1 and option.isalpha())


@dataclass(frozen=True, slots=True)
class Form:
    """How a reward function wants a completion written.

    `thought` is a template around `{think}`, empty where none is wanted; `block` one around `{answer}`.
    """

    name: str
    thought: str
    block: str

    @property
    def has_block(self) -> bool:
        """Return whether marks set the answer apart from prose."""
        return self.block != "{answer}"

    @property
    def boxes(self) -> bool:
        """Return whether the answer stands in a LaTeX box."""
        return r"\boxed" in self.block

    def write(self, answer: str, think: str = THOUGHT, before: str = "", after: str = "") -> str:
        """Return a completion; `before` and `after` are prose around the answer's block."""
        block = self.block.replace("{answer}", answer)
        return self.thought.replace("{think}", think) + before + block + after


FORMS = (
    Form("plain", "", "{answer}"),
    Form("tags", "<think>{think}</think>", "<answer>{answer}</answer>"),
    Form("tags on lines", "<think>{think}</think>\n", "<answer>{answer}</answer>"),
    Form("tags around lines", "<think>\n{think}\n</think>\n", "<answer>\n{answer}\n</answer>"),
    Form("answer tags", "", "<answer>{answer}</answer>"),
    Form("boxed", "", r"\boxed{{answer}}"),
    Form("think, boxed", "<think>{think}</think>\n", r"\boxed{{answer}}"),
)


@dataclass(frozen=True, slots=True)
class Whole:
    """A completion as it stands, for what no answer in a form can say; `gold` stands in for the row's own."""

    completion: str
    gold: str | None = None
    note: str = ""


Maker = Callable[[KnownAnswer, Form], Iterator[str | Whole]]


@dataclass(frozen=True, slots=True)
class Family:
    """Trials of one kind: `make` yields answers, to be written in the form, and whole completions.

    `fixed` is the question that it is about, where that is not a row's; it is asked where the data have an
    answer that is `like` its own.
    """

    name: str
    expected: Expected
    make: Maker
    fixed: KnownAnswer | None
    like: Callable[[KnownAnswer], bool]

    @property
    def title(self) -> str:
        """Return the first line of the maker's docstring."""
        return (self.make.__doc__ or "").strip().splitlines()[0]

    def trials(self, known: KnownAnswer, form: Form) -> Iterator[Trial]:
        """Yield a trial for everything made, but for answers that read otherwise than the family claims."""
        misread = known.gainsays if self.expected == "right" else known.says
        for made in self.make(known, form):
            if isinstance(made, Whole):
                yield Trial(self.name, self.expected, made.completion, made.gold, made.note)
            elif not misread(made):
                yield Trial(self.name, self.expected, form.write(made))


_REGISTRY: dict[str, Family] = {}


def family(
    name: str,
    expected: Expected,
    *,
    fixed: tuple[str, str] | None = None,
    like: Callable[[KnownAnswer], bool] = lambda known: True,  # noqa: ARG005
) -> Callable[[Maker], Maker]:
    """Register the decorated maker; `fixed` is a question and its answer, asked instead of each row's.

    It is asked once, where a known answer of the data is `like` it.
    """

    def register(make: Maker) -> Maker:
        _REGISTRY[name] = Family(name, expected, make, known_answer(*fixed) if fixed else None, like)
        return make

    return register


@cache
def all_families() -> Mapping[str, Family]:
    """Return every family by name."""
    for module in pkgutil.iter_modules(rewards.__path__, f"{rewards.__name__}."):
        importlib.import_module(module.name)
    return MappingProxyType(_REGISTRY)


def known_answer(question: str, answer: str) -> KnownAnswer:
    """Read a user message and its known answer."""
    asked = read_question(bare(question).strip())
    return KnownAnswer(asked, answer, *canonicalise(asked, answer))


def trials_for(known: KnownAnswer, form: Form) -> list[Trial]:
    """Return the trials of every family that has any for this answer; none for an empty answer.

    A completion that several families make is the first one's.
    """
    if not known.text:
        return []
    kept: dict[tuple[str, str | None], Trial] = {}
    for one in all_families().values():
        if one.fixed is None:
            for trial in one.trials(known, form):
                kept.setdefault((trial.completion, trial.gold), trial)
    return list(kept.values())


def fixed_trials(form: Form, answers: Sequence[KnownAnswer]) -> list[Trial]:
    """Return the trials that ask a question of their own, where the data's answers give reason to ask it."""
    return [
        replace(trial, gold=one.fixed.answer, prompt=one.fixed.question.text)
        for one in all_families().values()
        if one.fixed is not None and any(map(one.like, answers))
        for trial in one.trials(one.fixed, form)
    ]


def draw(known: KnownAnswer, purpose: str, choices: Sequence[T]) -> T:
    """Return the choice that falls to this question and answer, whatever the order of rows."""
    lot = sha256(f"{purpose}\0{known.question.text}\0{known.answer}".encode("utf-8", "replace")).digest()
    return choices[int.from_bytes(lot[:8], "big") % len(choices)]
