"""INT109: the placeholder that an image lacks."""

from collections.abc import Mapping
from typing import Any

from sft_audit.readers.message import LLAVA, OPENAI
from sft_audit.remedies.edit import Change
from sft_audit.remedies.rewriters import Evidence, rewriter
from sft_audit.sample import PLACEHOLDER

_CONVERSATIONS = (("conversations", LLAVA), ("messages", OPENAI), ("prompt", OPENAI))


@rewriter("INT109")
def placeholder(row: Mapping[str, Any], evidence: Evidence) -> list[Change]:
    """Wrote one image placeholder for each image at the start of the first user turn."""
    n_images = int(evidence.get("images", 1))
    for field, spelling in _CONVERSATIONS:
        turns = row.get(field)
        for at, turn in enumerate(turns if isinstance(turns, list) else []):
            if isinstance(turn, dict) and spelling.roles.get(turn.get(spelling.role, "")) == "user":
                path = (field, at, spelling.content)
                match turn.get(spelling.content):
                    case str(text):
                        return [Change(path, f"{PLACEHOLDER}\n" * n_images + text)]
                    case list(parts):
                        return [Change(path, [{"type": "image"}] * n_images + parts)]
    return []
