"""Comparisons: one prompt, a chosen and a rejected response.

The chosen response is a supervised assistant turn; the rejected one a turn of the role `rejected`.
"""

from sft_audit.readers import Content, Layout, Parsed, RowFault, image, row_format
from sft_audit.readers.chunk import Row
from sft_audit.readers.json_row import RowReader
from sft_audit.readers.message import REJECTED, Turns, read_turns, spelling_of
from sft_audit.readers.messages import with_images_first
from sft_audit.readers.prompt_completion import read_side
from sft_audit.sample import Place, Turn

_USED = frozenset(
    ("prompt", "question", "conversations", "messages", "chosen", "rejected", "image", "images", "text")
)
_INNER = RowReader()
_PROMPTS = ("prompt", "question", "instruction", "query")


def _matches_rlhf_v(row: Content, layout: Layout) -> bool:  # noqa: ARG001
    match row:
        case {"text": str(text)}:
            compares = text.startswith("{") and '"chosen"' in text and '"rejected"' in text
            return compares and not _complete(row)
    return False


@row_format(
    "rlhf_v",
    priority=2,
    matches=_matches_rlhf_v,
    example={
        "image": "a.jpg",
        "text": '{"question": "What is this?", "chosen": "A cat.", "rejected": "A dog."}',
    },
)
def rlhf_v(row: Content, layout: Layout) -> Parsed:
    """RLHF-V: `text` is a JSON object of question, chosen and rejected; `image`.

    Source: the data card of openbmb/RLHF-V-Dataset.
    """
    text = row.get("text")
    if not isinstance(text, str):
        raise RowFault("text is not a JSON object")
    inner = _INNER.read(text.encode(), Place("", 1, 0, 0, len(text)))
    if not isinstance(inner, Row):
        raise RowFault(f"text: {inner.reason}")
    return preference({**row, **inner.content}, layout)


def _matches(row: Content, layout: Layout) -> bool:  # noqa: ARG001
    match row:
        case {"chosen": str() | dict() | list(), "rejected": str() | dict() | list()}:
            return not _complete(row)
    return False


def _complete(row: Content) -> bool:
    """Return whether a row's conversation ends with an answer: it is an SFT row with a comparison in it."""
    match row.get("conversations") or row.get("messages"):
        case [*_, {"from": "gpt" | "assistant"} | {"role": "assistant"}]:
            return True
    return False


@row_format(
    "preference",
    priority=1,
    matches=_matches,
    example={
        "prompt": [{"role": "user", "content": "What is this?"}],
        "chosen": [{"role": "assistant", "content": "A cat."}],
        "rejected": [{"role": "assistant", "content": "A dog."}],
        "images": ["a.jpg"],
    },
)
def preference(row: Content, layout: Layout) -> Parsed:  # noqa: ARG001
    """TRL, LLaMA-Factory, RLAIF-V: a prompt in any spelling, `chosen` and `rejected` (text or messages).

    Source: huggingface/trl `docs/source/dataset_formats.md`; hiyouga/LLaMA-Factory `data/README.md`.
    """
    asked_in = next((name for name in _PROMPTS if row.get(name) is not None), "prompt")
    prompt, named = read_side(row.get(asked_in), asked_in, "user")
    for name in ("conversations", "messages"):
        if row.get(name) is not None:
            prompt, named = read_turns(row[name], name, spelling_of(row[name]))
    images = named + image.refs(row.get("images"), "images") + image.refs(row.get("image"), "image")
    turns = compared(prompt, row.get("chosen"), row.get("rejected"))
    return Parsed(with_images_first(turns, images), images, _USED | {asked_in}, kind="preference")


def compared(prompt: Turns, chosen: object, rejected: object) -> Turns:
    """Return the turns of a comparison; a prompt that both responses repeat stands once."""
    good, _ = read_side(chosen, "chosen", "assistant")
    bad, _ = read_side(rejected, "rejected", "assistant")
    if not good or not bad:
        raise RowFault("chosen and rejected are not both given")
    asked = (*prompt, *good[:-1])
    return (
        *(Turn(turn.role, turn.text, False, turn.loss_weight) for turn in asked),
        good[-1],
        Turn(REJECTED, bad[-1].text, False),
    )
