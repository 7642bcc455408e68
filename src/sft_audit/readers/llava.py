"""LLaVA rows, and those of the trainers that took them over."""

from sft_audit.readers import Content, Layout, Parsed, image, row_format
from sft_audit.readers.message import LLAVA, read_turns, turn_extras

_USED = frozenset(("conversations", "image", "images"))


def _matches(row: Content, layout: Layout) -> bool:  # noqa: ARG001
    match row:
        case {"conversations": [{"from": _, "value": _}, *_]}:
            return True
    return False


@row_format(
    "llava",
    matches=_matches,
    example={
        "id": "1",
        "image": "a.jpg",
        "conversations": [
            {"from": "human", "value": "<image>\nWhat is this?"},
            {"from": "gpt", "value": "A cat."},
        ],
    },
)
def llava(row: Content, layout: Layout) -> Parsed:  # noqa: ARG001
    """LLaVA, LLaVA-NeXT, Qwen-VL, InternVL, ShareGPT: `conversations` of from and value, `image` or `images`.

    Source: haotian-liu/LLaVA `docs/Finetune_Custom_Data.md`; QwenLM/Qwen3-VL `qwen-vl-finetune/README.md`.
    """
    turns, named = read_turns(row.get("conversations"), "conversations", LLAVA)
    images = named + image.refs(row.get("image"), "image") + image.refs(row.get("images"), "images")
    return Parsed(turns, images, _USED, turn_extras(row["conversations"], LLAVA))
