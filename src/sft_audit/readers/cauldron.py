"""`texts` of user and assistant, as The Cauldron and FineVision have them."""

from sft_audit.readers import Content, Layout, Parsed, RowFault, image, row_format
from sft_audit.readers.messages import with_images_first
from sft_audit.sample import Turn

_USED = frozenset(("texts", "image", "images"))


def _matches(row: Content, layout: Layout) -> bool:  # noqa: ARG001
    match row:
        case {"texts": [{"user": _, "assistant": _}, *_]}:
            return True
    return False


@row_format(
    "cauldron",
    matches=_matches,
    example={
        "images": ["a.jpg"],
        "texts": [{"user": "What is this?", "assistant": "A cat.", "source": "AI2D"}],
    },
)
def cauldron(row: Content, layout: Layout) -> Parsed:  # noqa: ARG001
    """Cauldron, FineVision: `texts` of user, assistant and source; `images`, which come before the text.

    Source: the data cards of HuggingFaceM4/the_cauldron and HuggingFaceM4/FineVision.
    """
    turns: list[Turn] = []
    extra: dict[str, object] = {}
    for at, pair in enumerate(row["texts"] if isinstance(row.get("texts"), list) else [None]):
        match pair:
            case {"user": str(asked), "assistant": str(answer), **rest}:
                turns += [Turn("user", asked, False), Turn("assistant", answer, True)]
            case _:
                raise RowFault(f"texts[{at}] is not a pair of user and assistant")
        for name, value in rest.items():
            extra.setdefault(name if name == "source" else f"turn.{name}", value)
    images = image.refs(row.get("images"), "images") + image.refs(row.get("image"), "image")
    return Parsed(with_images_first(tuple(turns), images), images, _USED, extra)
