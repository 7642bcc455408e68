"""One row of JSON: exactly what Python's json module accepts, and what a stricter reader would not."""

import json
import re
from collections.abc import Iterator
from typing import Any

from sft_audit.readers import OURS
from sft_audit.readers.chunk import Row
from sft_audit.sample import Malformed, Place, Problem, content_hash

ROW_LIMIT = 64 << 20
DEPTH_LIMIT = 200
TOO_LARGE = f"{OURS} rows of at most {ROW_LIMIT >> 20} MiB; this one is larger"
TOO_DEEP = f"{OURS} rows nested at most {DEPTH_LIMIT} levels deep; this one is deeper"

_SURROGATE = re.compile("[\ud800-\udfff]")
_BRACKETS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[{]|[\]}]', re.DOTALL)


class RowReader:
    """Decodes rows, one after the other; notes NaN, infinities, duplicate keys and what cannot be text."""

    def __init__(self) -> None:
        """Make the decoder that all rows share."""
        self._problems: list[tuple[str, str]] = []
        self._decode = json.JSONDecoder(object_pairs_hook=self._object, parse_constant=self._constant).decode

    def read(self, data: bytes, place: Place) -> Row | Malformed:
        """Decode the bytes of one row."""
        row_hash = content_hash(data)
        if data.count(b"{") + data.count(b"[") > DEPTH_LIMIT and _depth(data) > DEPTH_LIMIT:
            return Malformed(place, row_hash, TOO_DEEP)
        self._problems.clear()
        try:
            content = self._decode(self._text(data))
        except json.JSONDecodeError as fault:
            where = f"character {fault.pos + 1} of the row"
            return Malformed(place, row_hash, f"not JSON: {fault.msg.lower()} ({where})")
        except ValueError:
            return Malformed(place, row_hash, "json.load refuses it: an integer of more than 4,300 digits")
        if not isinstance(content, dict):
            return Malformed(place, row_hash, f"not an object: {data[:40].decode(errors='replace')!r}")
        if b"\\u" in data:
            content = self._escapes(data, content)
        if not self._problems:
            return Row(place, row_hash, content)
        at = (place.line, place.byte_offset, place.n_bytes)
        return Row(place, row_hash, content, tuple(Problem(kind, why, *at) for kind, why in self._problems))

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content = dict(pairs)
        if len(content) != len(pairs):
            names = [name for name, _ in pairs]
            first = next(name for name in names if names.count(name) > 1)
            self._problems.append(("duplicate_key", f"the key {first!r} stands {names.count(first)} times"))
        return content

    def _constant(self, name: str) -> float:
        self._problems.append(("nan", f"{name} is not JSON"))
        return float(name)

    def _text(self, data: bytes) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError as fault:
            wrong = data[fault.start]
            self._problems.append(
                ("bad_utf8", f"byte {fault.start + 1} of the row, {wrong:#04x}, is not UTF-8")
            )
            return data.decode(errors="replace")

    def _escapes(self, data: bytes, content: dict[str, Any]) -> dict[str, Any]:
        """Note NUL characters and lone surrogates; return the content with U+FFFD in place of the latter."""
        if b"\\u0000" in data:
            self._problems.append(("nul", "the text holds a NUL character"))
        if (b"\\ud" in data or b"\\uD" in data) and any(map(_SURROGATE.search, _strings(content))):
            self._problems.append(("lone_surrogate", "the text holds half of a surrogate pair"))
            return {_mended(name): _mended(value) for name, value in content.items()}
        return content


def _mended(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a JSON value with U+FFFD in place of every lone surrogate."""
    match value:
        case str():
            return _SURROGATE.sub("\ufffd", value)
        case list():
            return [_mended(one) for one in value]
        case dict():
            return {_mended(name): _mended(one) for name, one in value.items()}
    return value


def _strings(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    match value:
        case str():
            yield value
        case list():
            for one in value:
                yield from _strings(one)
        case dict():
            for name, one in value.items():
                yield name
                yield from _strings(one)


def _depth(data: bytes) -> int:
    deepest = depth = 0
    for found in _BRACKETS.finditer(data):
        match found[0]:
            case b"{" | b"[":
                depth += 1
                deepest = max(deepest, depth)
            case b"}" | b"]":
                depth -= 1
    return deepest
