"""A change to one field of a row, made in the row's own text, so that the rest keeps its spelling."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from json.decoder import JSONDecoder, scanstring  # type: ignore[attr-defined]
from typing import Any

Path = tuple[str | int, ...]
_DECODER = JSONDecoder()
_WHITE = re.compile(r"[ \t\r\n]*")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Change:
    """Put `value` at `path` (keys and 0-based indices), or take the key out where `gone`."""

    path: Path
    value: Any = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an object or array: its key or index, and where it and its value lie in the text."""

    name: str | int
    start: int
    value: int
    stop: int


def apply_to_text(raw: bytes, changes: Sequence[Change]) -> bytes:
    """Return the JSON text with the changes made; bytes that no change is about stay as they are.

    Raises ValueError where the text is not JSON in UTF-8, KeyError where it has no such path.
    """
    text = raw.decode()
    for change in changes:
        text = _changed(text, change)
    return text.encode()


def apply_to_value(row: Any, changes: Sequence[Change]) -> Any:  # noqa: ANN401 - any JSON value
    """Return the decoded row with the changes made."""
    for change in changes:
        row = _replaced(row, change.path, change)
    return row


def _replaced(value: Any, path: Path, change: Change) -> Any:  # noqa: ANN401 - any JSON value
    if not path:
        return change.value
    name, rest = path[0], path[1:]
    if isinstance(value, list):
        return [_replaced(one, rest, change) if at == name else one for at, one in enumerate(value)]
    if change.gone and not rest:
        return {key: one for key, one in value.items() if key != name}
    return {key: _replaced(one, rest, change) if key == name else one for key, one in value.items()}


def _changed(text: str, change: Change) -> str:
    start, stop = _skip(text, 0), len(text)
    for depth, name in enumerate(change.path):
        members = list(_members(text, start))
        found = [at for at, one in enumerate(members) if one.name == name]
        if change.gone and depth == len(change.path) - 1:
            return _without(text, members, found)
        if not found:
            raise KeyError(name)
        start, stop = members[found[-1]].value, members[found[-1]].stop
    return text[:start] + _spelled(text, change.value) + text[stop:]


def _spelled(text: str, value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return the value as JSON, in ASCII where the row is."""
    plain = json.dumps(value, ensure_ascii=False)
    return json.dumps(value) if text.isascii() or _SURROGATE.search(plain) else plain


def _without(text: str, members: Sequence[Member], gone: Sequence[int]) -> str:
    """Cut members out of an object; each takes the separator after it, those at the end the one before."""
    kept = [at for at in range(len(members)) if at not in gone]
    if not kept:
        return text[: members[0].start] + text[members[-1].stop :]
    parts = [text[members[at].start : members[at + 1].start] for at in kept[:-1]]
    last = members[kept[-1]]
    return text[: members[0].start] + "".join(parts) + text[last.start : last.stop] + text[members[-1].stop :]


def _members(text: str, start: int) -> Iterator[Member]:
    """Yield the members of the object or array that starts there; the text is known to be JSON."""
    is_object = text[start] == "{"
    at = _skip(text, start + 1)
    number = 0
    while text[at] not in "}]":
        first, name = at, number
        if is_object:
            name, at = scanstring(text, at + 1, False)
            at = _skip(text, _skip(text, at) + 1)
        stop = _DECODER.raw_decode(text, at)[1]
        yield Member(name, first, at, stop)
        at = _skip(text, stop)
        at = _skip(text, at + 1) if text[at] == "," else at
        number += 1


def _skip(text: str, at: int) -> int:
    found = _WHITE.match(text, at)
    return found.end() if found else at
