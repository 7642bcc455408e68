"""INT110: characters that no reader sees and every tokenizer does."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sft_audit.remedies.edit import Change, Path
from sft_audit.remedies.rewriters import Evidence, rewriter

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")


@rewriter("INT110")
def control_character(row: Mapping[str, Any], evidence: Evidence) -> list[Change]:
    """Took NUL and other control characters out of the texts."""
    if evidence.get("what") != "a control character":
        return []
    return [Change(path, _CONTROL.sub("", text)) for path, text in _texts(row, ()) if _CONTROL.search(text)]


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
