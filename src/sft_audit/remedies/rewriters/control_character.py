"""INT110: characters that no reader sees and every tokenizer does."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sft_audit.checks.data.damaged_text import CONTROL, EATEN
from sft_audit.remedies.edit import Change, Path
from sft_audit.remedies.rewriters import Evidence, rewriter

_CONTROL, _EATEN = re.compile(CONTROL), re.compile(EATEN)


@rewriter("INT110")
def control_character(row: Mapping[str, Any], evidence: Evidence) -> list[Change]:
    """Took NUL and other control characters out of the text."""
    excerpt = evidence.get("excerpt", "")
    if evidence.get("what") != "a control character" or not (seen := _CONTROL.search(excerpt)):
        return []
    before, after = excerpt[: seen.start()], excerpt[seen.start() :]
    return [
        Change(path, _CONTROL.sub("", text))
        for path, text in _texts(row, ())
        if _holds(text, before, after) and not _EATEN.search(text)
    ]


def _holds(text: str, before: str, after: str) -> bool:
    """Return whether the excerpt shows this text; a turn may be made of several, so either may end first."""
    return any(
        before.endswith(text[max(0, at - len(before)) : at]) and after.startswith(text[at : at + len(after)])
        for at in (found.start() for found in _CONTROL.finditer(text))
    )


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:  # noqa: ANN401 - any JSON value
    match value:
        case str():
            yield path, value
        case list():
            for at, one in enumerate(value):
                yield from _texts(one, (*path, at))
        case dict():
            for name, one in value.items():
                if name not in ("image", "images"):
                    yield from _texts(one, (*path, name))
