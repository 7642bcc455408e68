"""GRD203: the labelled slot of the prompt that gives answers away."""

from collections.abc import Mapping
from typing import Any

from sft_audit.record.slots import slots_of
from sft_audit.remedies.edit import Change
from sft_audit.remedies.prompt import user_texts
from sft_audit.remedies.rewriters import Evidence, rewriter


@rewriter("GRD203")
def prompt_slot(row: Mapping[str, Any], evidence: Evidence) -> list[Change]:
    """Put the value of another row into the leaking slot of the prompt."""
    label, other = evidence.get("slot"), evidence.get("other")
    if label is None or other is None:
        return []
    texts = ((path, text, _filled(text, label, other)) for path, text in user_texts(row))
    return [Change(path, filled) for path, text, filled in texts if filled != text]


def _filled(text: str, label: str, value: str) -> str:
    for slot in reversed([one for one in slots_of(text) if one.label == label]):
        text = text[: slot.value_at] + value + text[slot.value_at + len(slot.value) :]
    return text
