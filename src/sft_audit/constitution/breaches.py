"""Which completions of a batch go against which statement, and what they are paid at most."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isclose
from typing import Any

from sft_audit.constitution import Statement
from sft_audit.record.canonical import NEAR_COLOURS, canonicalise
from sft_audit.record.question import fold
from sft_audit.rewards.trial import KnownAnswer, known_answer

_THOUGHT = re.compile(r"<think(?:ing)?>", re.IGNORECASE)
_THOUGHT_ENDS = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_NOTHING = re.compile(r"[\s.\u2026{}]*")
_MARK = re.compile(r"</?[a-z_]+>|\\boxed", re.IGNORECASE)
_ROUNDED = 0.05  # ChartQA's relaxed accuracy, arXiv:2203.10244
_NOT_SAID = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Said:
    """One completion as a statement sees it; what the trainer does not tell is None, or empty.

    `golds` are the texts of which any is right; `images` are compared, never opened.
    `without_text` says that nothing was to be said: a tool was called.
    """

    completion: str
    prompt: str | None = None
    golds: tuple[str, ...] = ()
    images: Any = None
    without_text: bool = False

    @property
    def known(self) -> tuple[KnownAnswer, ...]:
        """Return the known answers, read as answers to the prompt."""
        return tuple(known_answer(self.prompt or "", gold) for gold in self.golds)


@dataclass(frozen=True, slots=True)
class Breach:
    """The completion `at` this place of the batch goes against the statement and is paid `at_most` this."""

    at: int
    statement: Statement
    at_most: float


def breaches(
    statements: Sequence[Statement], batch: Sequence[Said], rewards: Sequence[float | None]
) -> list[Breach]:
    """Return every breach that was paid more than it may be; None and NaN are left alone."""
    found: list[Breach] = []
    for one in statements:
        if one.kind == "longer_pays_more":
            found += (Breach(at, one, limit) for at, limit in _paid_for_length(batch, rewards))
        else:
            found += (
                Breach(at, one, one.at_most)
                for at, (said, reward) in enumerate(zip(batch, rewards, strict=True))
                if reward is not None and reward > one.at_most and goes_against(one, said)
            )
    return found


def goes_against(statement: Statement, said: Said) -> bool:
    """Return whether a completion, alone, goes against a statement; False for one that compares several."""
    match statement.kind:
        case "contradicts_gold":
            known = said.known
            return bool(known) and all(_plainly_another(one, said.completion) for one in known)
        case "pattern":
            excused = (said.prompt or "", *said.golds)
            return any(
                one.search(said.completion) and not any(one.search(text) for text in excused)
                for one in statement.compiled
            )
        case "empty":
            nothing = not said.without_text and _NOTHING.fullmatch(_spoken(said.completion))
            return bool(nothing) and not _is_gold(said)
        case "echo":
            asked = _words(said.prompt or "")
            return bool(asked) and _words(said.completion) == asked and not _is_gold(said)
        case _:
            return False


def _plainly_another(known: KnownAnswer, completion: str) -> bool:
    """Return whether it is another answer, and no rounding, percentage or neighbouring colour of this one."""
    if not known.gainsays(completion):
        return False
    _, said = canonicalise(known.question, completion)
    right, said = known.canonical or "", said or ""
    if (said, right) in NEAR_COLOURS or (right, said) in NEAR_COLOURS:
        return False
    if known.kind in ("count", "number") and ("." in right or "." in said) and _is_number(said):
        scales = (1.0, 100.0, 0.01)
        return not any(isclose(float(said), scale * float(right), rel_tol=_ROUNDED) for scale in scales)
    return True


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdigit()


def _is_gold(said: Said) -> bool:
    """Return whether the completion, without thoughts and marks, is a known answer as the data spell it."""
    spoken = fold(_spoken(said.completion))
    return any(spoken == fold(gold) or _words(said.completion) == _words(gold) != "" for gold in said.golds)


def _words(text: str) -> str:
    """Return what is said outside thoughts and marks, without case, space and punctuation."""
    return _NOT_SAID.sub("", _spoken(text)).casefold()


def _spoken(text: str) -> str:
    """Return what stands outside thoughts and marks."""
    *closed, rest = _THOUGHT_ENDS.split(text)
    return _MARK.sub(" ", " ".join((*(_THOUGHT.split(one, 1)[0] for one in closed), rest)))


def _paid_for_length(batch: Sequence[Said], rewards: Sequence[float | None]) -> Iterator[tuple[int, float]]:
    """Yield what is paid more than the shortest paid completion of its prompt, answer and form, and that pay.

    A shorter one that got nothing is no measure: it may be a spelling that the reward does not know. Known
    answers as the data spell them are left alone for the same reason.
    """
    shortest: dict[tuple[object, ...], list[int]] = {}
    for at in sorted(range(len(batch)), key=lambda at: (len(batch[at].completion), -(rewards[at] or 0.0))):
        reward, key = rewards[at], _alike(batch[at])
        if key is None or reward is None or not reward > 0:
            continue
        for first in shortest.setdefault(key, []):
            if batch[first].images == batch[at].images:
                least = rewards[first] or 0.0
                longer = len(batch[first].completion) < len(batch[at].completion)
                if longer and reward > least and not _is_gold(batch[at]):
                    yield at, least
                break
        else:
            shortest[key].append(at)


def _alike(said: Said) -> tuple[object, ...] | None:
    """Return what two completions must share to differ in length alone; None where no answer is read."""
    if said.prompt is None:
        return None
    kind, canonical = canonicalise(known_answer(said.prompt, "").question, said.completion)
    if canonical is None or not canonical:
        return None
    return said.prompt, said.golds, kind, canonical, tuple(_MARK.findall(said.completion.lower()))
