"""What a response to a probe says, read against the known answer."""

from dataclasses import dataclass
from functools import lru_cache

from sft_audit.record.canonical import canonicalise
from sft_audit.rewards.reading import Reading, answer_in, read_completion
from sft_audit.rewards.trial import CLOSED, known_answer

_known = lru_cache(maxsize=4096)(known_answer)


@dataclass(frozen=True, slots=True)
class Read:
    """How a response reads, and what it says in one spelling per meaning; None where that is free text.

    `readable` is whether it says an answer of a closed kind, right or wrong.
    """

    reading: Reading
    said: str | None
    readable: bool


def read_reply(question: str, answer: str, text: str) -> Read:
    """Read a response to a question with a known answer."""
    known, given = _known(question, answer), answer_in(text)
    kind, said = canonicalise(known.question, given) if given is not None else ("free", None)
    reading = read_completion(known, text)
    return Read(reading, said, reading == "right" or (said is not None and kind in CLOSED))
