"""The prompt of a row: the texts of its user turns, and how a sentence is cut out of one."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sft_audit.readers import placeholder
from sft_audit.readers.message import LLAVA, OPENAI
from sft_audit.remedies.edit import Path

_PICTURE = placeholder.PATTERN.pattern
_BEFORE = re.compile(rf"[.!?](?=\s)|\n|[(\[]|{_PICTURE}")
_BEHIND = re.compile(rf"[.!?](?=\s|$)|[)\]]|(?=\n)|(?={_PICTURE})|$")


def user_texts(row: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Yield the texts of the user's turns, each with its path in the row."""
    for field, spelling in (("conversations", LLAVA), ("messages", OPENAI), ("prompt", OPENAI)):
        turns = row.get(field)
        for at, turn in enumerate(turns if isinstance(turns, list) else []):
            if spelling.roles.get(turn.get(spelling.role, "")) == "user":
                content = turn.get(spelling.content)
                path = (field, at, spelling.content)
                if isinstance(content, str):
                    yield path, content
                elif isinstance(content, list):
                    yield from (
                        ((*path, part, "text"), one["text"])
                        for part, one in enumerate(content)
                        if isinstance(one, dict) and isinstance(one.get("text"), str)
                    )


def without_sentence(text: str, start: int, stop: int) -> str:
    """Return the text without the sentence, line or bracket around [start, stop)."""
    ends = [found.end() for found in _BEFORE.finditer(text[:start])]
    behind = _BEHIND.search(text, stop - 1 if text[stop - 1] in ".!?" else stop)
    before = text[: ends[-1] if ends else 0].rstrip(" \t([")
    after = text[behind.end() if behind else stop :].lstrip(" \t)].")
    if not before or before[-1] in "\n>":
        return before + after.removeprefix("\n") if after else before.rstrip()
    return before + ("" if not after or after.startswith("\n") else " ") + after
