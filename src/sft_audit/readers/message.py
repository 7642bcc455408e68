"""One message: its role, its text with image placeholders in place, and whether the loss is taken on it."""

import json
from collections.abc import Iterable, Mapping
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
REJECTED = "rejected"
_WEIGHTS = ("loss", "weight", "loss_weight", "loss_scale")
_CALLS = ("tool_calls", "function_call")
_ADDRESSES = ("image", "image_url", "url", "path", "value", "bytes", "source")

Turns = tuple[Turn, ...]
Images = tuple[ImageRef, ...]


@dataclass(frozen=True, slots=True)
class Spelling:
    """The names that a format gives to the parts of a message."""

    role: str = "role"
    content: str = "content"
    roles: Mapping[str, str] = field(default_factory=lambda: ROLES)


LLAVA = Spelling("from", "value")
OPENAI = Spelling()


def spelling_of(messages: object) -> Spelling:
    """Return LLaVA's spelling where the first message uses it, else OpenAI's."""
    match messages:
        case [{"from": _}, *_] | {"from": _}:
            return LLAVA
    return OPENAI


def read_turns(messages: object, where: str, spelling: Spelling) -> tuple[Turns, Images]:
    """Return the turns of a conversation, and the images that its content parts name themselves, in order."""
    if not isinstance(messages, list):
        raise RowFault(f"{where} is not a list of messages")
    images: list[ImageRef] = []
    turns = tuple(_turn(one, f"{where}[{at}]", spelling, images) for at, one in enumerate(messages))
    return turns, tuple(images)


def _turn(message: object, where: str, spelling: Spelling, images: list[ImageRef]) -> Turn:
    if not isinstance(message, dict):
        raise RowFault(f"{where} is not an object")
    role = message.get(spelling.role)
    if not isinstance(role, str):
        raise RowFault(f"{where} has no {spelling.role}")
    content = message.get(spelling.content)
    if not isinstance(content, str):
        content = read_content(content, f"{where}.{spelling.content}", images)
    if not content:
        content = _calls(message)
    role = spelling.roles.get(role, role)
    weight = 1.0 if len(message) == 2 else _loss_weight(message)
    return Turn(role, content, role == "assistant" and weight > 0, weight)


def turn_extras(messages: Iterable[Content], spelling: Spelling) -> dict[str, Any]:
    """Return the first value of every field of the messages that a turn does not hold, as `turn.<field>`."""
    found: dict[str, Any] = {}
    for one in messages:
        if len(one) > 2:
            held = (spelling.role, spelling.content, *(() if one.get(spelling.content) else _CALLS))
            for name, value in one.items():
                if name not in held and value is not None:
                    found.setdefault(f"turn.{name}", value)
    return found


def read_content(content: object, where: str, images: list[ImageRef]) -> str:
    """Return the text of a content, image parts as placeholders; images that parts name go to `images`."""
    match content:
        case None:
            return ""
        case str():
            return content
        case list():
            return "".join(_part(one, f"{where}[{at}]", images) for at, one in enumerate(content))
        case dict():
            return _part(content, where, images)
    raise RowFault(f"{where} is {image.kind_of(content)}, neither text nor content parts")


def _part(part: object, where: str, images: list[ImageRef]) -> str:
    match part:
        case str(text):
            return text
        case {"type": "text" | "input_text" | "output_text", **rest}:
            return next((str(rest[name]) for name in ("text", "value") if rest.get(name) is not None), "")
        case {"type": "image" | "image_url" | "input_image", **rest}:
            named = [rest[name] for name in _ADDRESSES if rest.get(name) is not None]
            images.extend(image.refs(named, where))
            return PLACEHOLDER
        case {"type": str(kind)}:
            return f"<{kind.removesuffix('_url')}>"
        case {"image": str() | dict() as value}:
            images.extend(image.refs(value, where))
            return PLACEHOLDER
        case {"text": str(text)}:
            return text
    raise RowFault(f"{where} is no content part that is known")


def _loss_weight(message: Content) -> float:
    for name in _WEIGHTS:
        match message.get(name):
            case bool() | int() | float() as given:
                try:
                    return float(given)
                except OverflowError:
                    raise RowFault(f"{name} is larger than any number that a loss is weighted with") from None
    return 1.0


def _calls(message: Content) -> str:
    """Return the tool calls that a message without text makes, as JSON; nothing where it makes none."""
    made = next((message[name] for name in _CALLS if message.get(name)), None)
    return "" if made is None else json.dumps(made, ensure_ascii=False, default=str)
