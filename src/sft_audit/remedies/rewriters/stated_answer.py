"""GRD201: the sentence of the prompt that gives the answer away."""

import re
from collections.abc import Mapping
from typing import Any

from sft_audit.readers import placeholder
from sft_audit.remedies.edit import Change
from sft_audit.remedies.prompt import user_texts, without_sentence
from sft_audit.remedies.rewriters import Evidence, rewriter

_IN_THE_QUESTION = ("marked", "hint", "statement")


@rewriter("GRD201")
def stated_answer(row: Mapping[str, Any], evidence: Evidence) -> list[Change]:
    """Cut the sentence that states the answer out of the question."""
    quote = evidence.get("quote", "")
    asked = [(path, text) for path, text in user_texts(row) if quote and text.count(quote) == 1]
    if len(asked) != 1 or evidence.get("how") not in _IN_THE_QUESTION:
        return []
    path, text = asked[0]
    left = without_sentence(text, text.index(quote), text.index(quote) + len(quote))
    return [Change(path, left)] if re.search(r"\w", placeholder.without(left)) else []
