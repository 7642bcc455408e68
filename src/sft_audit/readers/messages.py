"""`messages` of role and content, as ms-swift, LLaMA-Factory, TRL and OpenAI write them."""

from dataclasses import replace

from sft_audit.readers import Content, Layout, Parsed, image, placeholder, row_format
from sft_audit.readers.message import OPENAI, read_turns, turn_extras
from sft_audit.sample import PLACEHOLDER, ImageRef, Turn

_USED = frozenset(("messages", "image", "images"))


def _matches(row: Content, layout: Layout) -> bool:  # noqa: ARG001
    match row:
        case {"messages": [{"role": _}, *_]}:
            return True
    return False


@row_format(
    "messages",
    matches=_matches,
    example={
        "messages": [
            {"role": "user", "content": "<image>What is this?"},
            {"role": "assistant", "content": "A cat."},
        ],
        "images": ["a.jpg"],
    },
)
def messages(row: Content, layout: Layout) -> Parsed:
    """ms-swift, LLaMA-Factory, TRL, OpenAI: `messages` of role and content (text or parts), `images`.

    Source: modelscope/ms-swift `docs/source_en/Customization/Custom-dataset.md`; huggingface/trl
    `docs/source/dataset_formats.md`.
    """
    turns, named = read_turns(row.get("messages"), "messages", OPENAI)
    images = named + image.refs(row.get("images"), "images") + image.refs(row.get("image"), "image")
    if layout.container == "parquet":
        turns = with_images_first(turns, images)
    return Parsed(turns, images, _USED, turn_extras(row["messages"], OPENAI))


def with_images_first(turns: tuple[Turn, ...], images: tuple[ImageRef, ...]) -> tuple[Turn, ...]:
    """Put one placeholder an image before the first user message, where no message has any, as TRL does."""
    if not images or any(placeholder.count(turn.text) for turn in turns):
        return turns
    first = next((at for at, turn in enumerate(turns) if turn.role == "user"), None)
    if first is None:
        return turns
    filled = replace(turns[first], text=PLACEHOLDER * len(images) + turns[first].text)
    return (*turns[:first], filled, *turns[first + 1 :])
