"""One message: its role, its text with image placeholders in place, and whether the loss is taken on it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sft_audit.readers import Content, RowFault, image
from sft_audit.sample import PLACEHOLDER, ImageRef, Turn

ROLES: Mapping[str, str] = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "function_call": "assistant",
    "tool_call": "assistant",
    "system": "system",
    "tool": "tool",
    "observation": "tool",
    "function": "tool",
    "tool_response": "tool",
}
_WEIGHTS = ("loss", "weight", "loss_weight", "loss_scale")


@dataclass(frozen=True, slots=True)
class Spelling:
    """The names that a format gives to the parts of a message."""

    role: str = "role"
    content: str = "content"
    roles: Mapping[str, str] = field(default_factory=lambda: ROLES)


LLAVA = Spelling("from", "value")
OPENAI = Spelling()


def read_turns(
    messages: Any, named: str, spelling: Spelling
) -> tuple[tuple[Turn, ...], tuple[ImageRef, ...]]:  # noqa: ANN401
    """Return the turns of a conversation, and the images that its content parts name themselves, in order."""
    if not isinstance(messages, list):
        raise RowFault(f"{named} is not a list of messages")
    turns: list[Turn] = []
    images: list[ImageRef] = []
    for at, one in enumerate(messages):
        if not isinstance(one, dict):
            raise RowFault(f"{named}[{at}] is not an object")
        role = one.get(spelling.role)
        if not isinstance(role, str):
            raise RowFault(f"{named}[{at}] has no {spelling.role}")
        content = one.get(spelling.content)
        if not isinstance(content, str):
            content = "".join(_texts(content, f"{named}[{at}].{spelling.content}", images))
        role = spelling.roles.get(role, role)
        weight = 1.0 if len(one) == 2 else loss_weight(one)
        turns.append(Turn(role, content, role == "assistant" and weight > 0, weight))
    return tuple(turns), tuple(images)


def loss_weight(message: Content) -> float:
    """Return the weight of the message's loss: 1 unless the message says otherwise."""
    for name in _WEIGHTS:
        match message.get(name):
            case bool() | int() | float() as given:
                return float(given)
    return 1.0


def turn_extras(messages: Iterable[Any], spelling: Spelling) -> dict[str, Any]:
    """Return the first value of every field of the messages beyond role and content, as `turn.<field>`."""
    found: dict[str, Any] = {}
    for one in messages:
        if len(one) > 2:
            for name, value in one.items():
                if name not in (spelling.role, spelling.content) and value is not None:
                    found.setdefault(f"turn.{name}", value)
    return found


def _texts(content: Any, field: str, images: list[ImageRef]) -> Iterator[str]:  # noqa: ANN401
    """Yield the text of each content part; an image that a part names goes into `images`."""
    match content:
        case None:
            return
        case str():
            yield content
        case list():
            for at, part in enumerate(content):
                yield from _texts(part, f"{field}[{at}]", images)
        case {"type": "text", "text": str(text)} | {"type": "text", "value": str(text)}:
            yield text
        case {"type": "text"}:
            return
        case {"type": "image" | "image_url" | "input_image", **rest}:
            named = [value for name, value in rest.items() if name in _ADDRESSES and value is not None]
            images.extend(image.refs(named, field))
            yield PLACEHOLDER
        case {"type": "image_path" | "image_base64", **rest}:
            images.extend(image.refs(list(rest.values()), field))
            yield PLACEHOLDER
        case {"type": str(kind)}:
            yield f"<{kind.removesuffix('_url')}>"
        case {"text": str(text)}:
            yield text
        case {"image": value}:
            images.extend(image.refs(value, field))
            yield PLACEHOLDER
        case _:
            raise RowFault(f"{field} is neither text nor a list of content parts")


_ADDRESSES = ("image", "image_url", "url", "path", "value", "base64", "data", "bytes")
