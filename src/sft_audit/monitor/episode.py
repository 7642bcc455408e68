"""One completion of a run as the monitor sees it, and what a step is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import isfinite

from sft_audit.monitor.words import words_in
from sft_audit.record.question import fold
from sft_audit.rewards.reading import Reading, answer_in
from sft_audit.rewards.signatures import exploits_in, read_before_claims, without_claims
from sft_audit.rewards.trial import known_answer
from sft_audit.runs.names import HELD_OUT

_SHORT = 1000  # characters
_known = lru_cache(maxsize=4096)(known_answer)


@dataclass(frozen=True, slots=True)
class Episode:
    """One completion, read. `words` is its length; `answer` what it answers, folded, empty where unclear."""

    completion: str
    reward: float | None
    reading: Reading
    exploits: tuple[str, ...]
    words: int
    answer: str


Group = Sequence[Episode]


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its groups of completions, and the trainer's numbers by their name among trainers.

    `paid` says whether any completion of the run was paid up to here: a log may not tell rewards at all.
    """

    number: int
    groups: Sequence[Group] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    paid: bool = True

    @property
    def episodes(self) -> list[Episode]:
        """Return the completions of all groups."""
        return [one for group in self.groups for one in group]

    @property
    def held_out(self) -> dict[str, float]:
        """Return the accuracies on held-out data, each by its logged name; "" where it has none."""
        return {
            name.removeprefix(HELD_OUT).removeprefix("/"): value
            for name, value in self.metrics.items()
            if name.partition("/")[0] == HELD_OUT
        }

    def logged(self, name: str) -> float | None:
        """Return a number of the trainer's; None where it was not logged or is not finite."""
        value = self.metrics.get(name)
        return value if value is not None and isfinite(value) else None


@dataclass(frozen=True, slots=True)
class Told:
    """What a completion says: everything about it but its reward."""

    reading: Reading
    exploits: tuple[str, ...]
    words: int
    answer: str


def read_episode(completion: str, question: str, gold: str | None, tails: tuple[str, ...] = ()) -> Told:
    """Read a completion without its reward; `tails` are texts that an audit of the SFT data found."""
    read = _read_short if len(completion) + len(question) <= _SHORT else _read
    return read(completion, question, gold, tails)


def _read(completion: str, question: str, gold: str | None, tails: tuple[str, ...]) -> Told:
    exploits = exploits_in(completion, question, tails)
    reading: Reading = "unread"
    if gold is not None:
        reading = read_before_claims(_known(question, gold), completion, exploits, tails)
    answer = fold(answer_in(without_claims(completion, tails)) or "")
    return Told(reading, exploits, len(words_in(completion)), answer)


# The completions of a short-answer task recur by the thousand; long ones hardly do, and would fill memory.
_read_short = lru_cache(maxsize=1 << 16)(_read)


def paid_episode(
    completion: str, reward: float | None, question: str, gold: str | None, tails: tuple[str, ...] = ()
) -> Episode:
    """Read a completion with its reward."""
    told = read_episode(completion, question, gold, tails)
    return Episode(completion, reward, told.reading, told.exploits, told.words, told.answer)
