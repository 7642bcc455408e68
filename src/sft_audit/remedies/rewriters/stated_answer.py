"""GRD201: the sentence of the prompt that gives the answer away."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sft_audit.readers import placeholder
from sft_audit.readers.message import LLAVA, OPENAI
from sft_audit.remedies.edit import Change, Path
from sft_audit.remedies.rewriters import Evidence, rewriter

_IN_THE_QUESTION = ("marked", "hint", "statement")
_BEFORE = re.compile(r"[.!?](?=\s)|\n|[(\[]")
_BEHIND = re.compile(r"[.!?](?=\s|$)|[)\]]|(?=\n)|$")


@rewriter("GRD201")
def stated_answer(row: Mapping[str, Any], evidence: Evidence) -> list[Change]:
    """Cut the sentence that states the answer out of the question."""
    quote = evidence.get("quote", "")
    asked = [(path, text) for path, text in _questions(row) if quote and text.count(quote) == 1]
    if len(asked) != 1 or evidence.get("how") not in _IN_THE_QUESTION:
        return []
    path, text = asked[0]
    left = _without_sentence(text, text.index(quote), text.index(quote) + len(quote))
    return [Change(path, left)] if re.search(r"\w", placeholder.without(left)) else []


def _questions(row: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
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
                        ((*path, part), one["text"])
                        for part, one in enumerate(content)
                        if isinstance(one, dict) and isinstance(one.get("text"), str)
                    )


def _without_sentence(text: str, start: int, stop: int) -> str:
    """Return the text without the sentence, line or bracket around [start, stop)."""
    ends = [found.end() for found in _BEFORE.finditer(text[:start])]
    behind = _BEHIND.search(text, stop - 1 if text[stop - 1] in ".!?" else stop)
    before = text[: ends[-1] if ends else 0].rstrip(" \t([")
    after = text[behind.end() if behind else stop :].lstrip(" \t)].")
    if not before or before.endswith("\n"):
        return before + after.removeprefix("\n") if after else before.rstrip()
    return before + ("" if not after or after.startswith("\n") else " ") + after
