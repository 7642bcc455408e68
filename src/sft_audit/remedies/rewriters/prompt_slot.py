"""GRD203: the labelled slot of the prompt that gives answers away."""

from collections.abc import Mapping
from typing import Any

from sft_audit.record.slots import filled
from sft_audit.remedies.edit import Change
from sft_audit.remedies.prompt import user_texts
from sft_audit.remedies.rewriters import Evidence, rewriter


@rewriter("GRD203")
def prompt_slot(row: Mapping[str, Any], evidence: Evidence) -> list[Change]:
    """Put the value of another row into the leaking slot of the prompt."""
    label, other = evidence.get("slot"), evidence.get("other")
    if label is None or other is None:
        return []
    texts = ((path, text, filled(text, label, other)) for path, text in user_texts(row))
    return [Change(path, after) for path, text, after in texts if after != text]
