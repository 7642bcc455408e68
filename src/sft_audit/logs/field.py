"""One field of a logged row: a text in any of its spellings, a reward, a step, a name."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from sft_audit.readers import Content, RowFault
from sft_audit.readers.message import read_content
from sft_audit.rewards import GOLD_NAMES
from sft_audit.sample import ImageRef

IDS = ("id", "sample_id", "question_id", "uid", "idx")
# Columns that are no reward function's, even where they hold numbers.
NOT_PAID = frozenset((*GOLD_NAMES, *IDS, "image", "images", "position"))
_NOT_NUMBERS = ("nan", "inf", "-inf")


@dataclass(frozen=True, slots=True)
class Paid:
    """A reward as it was logged: a number, or None and what is wrong with what stood there."""

    reward: float | None
    problem: str | None = None


def prompt_text(value: object) -> str:
    """Return a prompt: a string as it is, the last user message of a conversation. Raise RowFault."""
    return _text(value, "user", "prompt")


def completion_text(value: object) -> str:
    """Return a completion: a string as it is, of a conversation the last of the assistant. Raise RowFault."""
    return _text(value, "assistant", "completion")


def _text(value: object, role: str, what: str) -> str:
    images: list[ImageRef] = []
    match value:
        case str():
            return value
        case {"content": content}:
            return read_content(_parts(content), what, images)
        case [{"role": _}, *_]:
            messages = [one for one in value if isinstance(one, dict)]
            said = [one for one in messages if one.get("role") == role] or messages
            return read_content(_parts(said[-1].get("content")), what, images)
    raise RowFault(f"the {what} is {type(value).__name__}, neither text nor messages")


def _parts(content: object) -> object:
    """Return content without the nulls that Arrow puts into parts of several kinds."""
    if not isinstance(content, list):
        return content
    return [
        {name: value for name, value in part.items() if value is not None} if isinstance(part, dict) else part
        for part in content
    ]


def is_conversation(value: object) -> bool:
    """Return whether a value is a list of messages."""
    match value:
        case [{"role": _}, *_]:
            return True
    return False


def first_of(row: Content, names: tuple[str, ...]) -> Any:  # noqa: ANN401 - any value of a row
    """Return the first of some fields that is there and not null."""
    return next((row[name] for name in names if row.get(name) is not None), None)


def paid(value: object) -> Paid:
    """Return a logged reward: a number, a truth value, or text that spells one."""
    match value:
        case None:
            return Paid(None)
        case bool() | int() | float():
            return _finite(value)
        case {"score": score}:
            return paid(score)
        case str():
            try:
                return _finite(float(value))
            except ValueError:
                return Paid(None, f"the reward is {value[:40]!r}, no number")
    return Paid(None, f"the reward is a {type(value).__name__}, no number")


def parts_of(numbers: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """Return what each reward function paid, in the order of their names."""
    return tuple(sorted(numbers.items()))


def _finite(value: float) -> Paid:
    try:
        number = float(value)
    except OverflowError:
        return Paid(None, "the reward is larger than any number that a loss is taken of")
    return Paid(number) if isfinite(number) else Paid(None, f"the reward is {number}")


def as_step(value: object) -> int | None:
    """Return a step; None where it is none."""
    match value:
        case bool():
            return None
        case int() if abs(value) < 1 << 62:
            return value
        case float() if value.is_integer() and abs(value) < 1 << 62:
            return int(value)
        case str() if value.isdecimal() and len(value) < 19:
            return int(value)
    return None


def as_text(value: object) -> str | None:
    """Return a known answer or a name as text: of a list of one its only value; None where it is none."""
    match value:
        case str() if value.strip():
            return value
        case bool() | int() | float():
            return str(value)
        case [one]:
            return as_text(one)
        case {"ground_truth": one}:
            return as_text(one)
    return None
