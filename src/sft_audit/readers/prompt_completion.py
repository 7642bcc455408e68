"""`prompt` and `completion`, as TRL trains on them, and prompts alone, as RL does."""

from sft_audit.readers import Content, Layout, Parsed, RowFault, image, row_format
from sft_audit.readers.gold import gold_turn
from sft_audit.readers.message import Images, Turns, read_turns, spelling_of
from sft_audit.readers.messages import with_images_first
from sft_audit.sample import Turn

_USED = frozenset(("prompt", "completion", "image", "images"))


def _matches(row: Content, layout: Layout) -> bool:  # noqa: ARG001
    match row:
        case {"chosen": _, "rejected": _}:
            return False
        case {"prompt": [{"role": _}, *_]} | {"prompt": str(), "completion": str()}:
            return True
        case {"prompt": str()}:
            return bool(gold_turn(row))
    return False


@row_format(
    "prompt_completion",
    matches=_matches,
    example={
        "prompt": [
            {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is this?"}]}
        ],
        "completion": [{"role": "assistant", "content": [{"type": "text", "text": "A cat."}]}],
        "images": ["a.jpg"],
    },
)
def prompt_completion(row: Content, layout: Layout) -> Parsed:  # noqa: ARG001
    """TRL, OpenRLHF, verl: `prompt` and `completion` of role and content; without a completion, an RL prompt.

    The loss is on the completion only. Source: huggingface/trl `docs/source/dataset_formats.md`.
    """
    if row.get("prompt") is None:
        raise RowFault("no prompt")
    prompt, named = read_side(row.get("prompt"), "prompt", "user")
    completion, more = read_side(row.get("completion"), "completion", "assistant")
    images = named + more + image.refs(row.get("images"), "images") + image.refs(row.get("image"), "image")
    asked = tuple(Turn(turn.role, turn.text, False, turn.loss_weight) for turn in prompt)
    answered = completion or gold_turn(row)
    turns = with_images_first((*asked, *answered), images)
    return Parsed(turns, images, _USED, kind="sft" if completion else "rl_prompt")


def read_side(value: object, where: str, role: str) -> tuple[Turns, Images]:
    """Return one side of a comparison or a completion: text, one message, or a list of messages."""
    match value:
        case None:
            return (), ()
        case str():
            return (Turn(role, value, role == "assistant"),), ()
        case dict():
            value = [value]
    return read_turns(value, where, spelling_of(value))
