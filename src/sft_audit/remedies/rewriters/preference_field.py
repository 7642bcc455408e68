"""PRF301: what a comparison or a judge left in an SFT row."""

from collections.abc import Mapping
from typing import Any

from sft_audit.remedies.edit import Change
from sft_audit.remedies.rewriters import Evidence, rewriter

_OF_A_TURN = "turn."


@rewriter("PRF301")
def preference_field(row: Mapping[str, Any], evidence: Evidence) -> list[Change]:
    """Took the preference and reward fields out."""
    fields = set(evidence.get("fields", ()))
    changes = [Change((name,), gone=True) for name in row if name in fields]
    for field in ("conversations", "messages"):
        for at, turn in enumerate(row.get(field) or ()):
            changes += [Change((field, at, name), gone=True) for name in turn if _OF_A_TURN + name in fields]
    return changes
