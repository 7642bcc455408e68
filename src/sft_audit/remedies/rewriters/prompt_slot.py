"""GRD203: the labelled slot of the prompt that gives answers away."""

import re
from collections.abc import Mapping
from typing import Any

from sft_audit.readers import placeholder
from sft_audit.record.slots import slots_of
from sft_audit.remedies.edit import Change
from sft_audit.remedies.prompt import user_texts, without_sentence
from sft_audit.remedies.rewriters import Evidence, rewriter


@rewriter("GRD203")
def prompt_slot(row: Mapping[str, Any], evidence: Evidence) -> list[Change]:
    """Cut the leaking slot out of the prompt."""
    label = evidence.get("slot")
    changes = []
    for path, text in user_texts(row):
        left = text
        for slot in reversed([one for one in slots_of(text) if one.label == label]):
            left = without_sentence(left, slot.start, slot.stop)
        if left != text and re.search(r"\w", placeholder.without(left)):
            changes.append(Change(path, left))
    return changes
