"""PRF301: fields that belong to a comparison or to a judge's output."""

from collections.abc import Iterator, Mapping
from typing import Any

from sft_audit.remedies.edit import Change
from sft_audit.remedies.rewriters import Evidence, rewriter

_CONVERSATIONS = ("conversations", "messages", "prompt", "completion")
_OF_A_TURN = "turn."


@rewriter("PRF301")
def preference_fields(row: Mapping[str, Any], evidence: Evidence) -> list[Change]:
    """Took preferences, scores and rewards out of the row."""
    fields = evidence.get("fields", [])
    own = [Change((field,), gone=True) for field in fields if field in row]
    names = [field.removeprefix(_OF_A_TURN) for field in fields if field not in row]
    return own + list(_in_turns(row, names))


def _in_turns(row: Mapping[str, Any], names: list[str]) -> Iterator[Change]:
    for field in _CONVERSATIONS:
        turns = row.get(field)
        for at, turn in enumerate(turns if isinstance(turns, list) else []):
            if isinstance(turn, dict):
                yield from (Change((field, at, name), gone=True) for name in names if name in turn)
