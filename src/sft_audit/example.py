"""Rows for the examples of checks."""

from typing import Any

_SAID_BY = ("human", "gpt")


def row(*turns: str, image: str | list[str] | None = "kitchen.jpg", **fields: object) -> dict[str, Any]:
    """Return a LLaVA row whose turns are said by human and gpt in turn; a question and an answer if none.

    `image` is one of the example images of `sft_audit.testing.make_images`, several, or None.
    """
    said = turns or ("<image>\nWhat is shown?", "A few coloured boxes.")
    pictured = {} if image is None else {"image": image}
    conversations = [{"from": _SAID_BY[at % 2], "value": text} for at, text in enumerate(said)]
    return {**fields, **pictured, "conversations": conversations}
