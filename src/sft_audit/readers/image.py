"""Image slots: the spellings of an image field, as references."""

from collections.abc import Iterator
from typing import Any

from sft_audit.readers import RowFault
from sft_audit.sample import ImageRef

EMBEDDED = "embedded"


def refs(value: Any, field: str) -> tuple[ImageRef, ...]:  # noqa: ANN401 - any value of a row
    """Return the references in an image field: an address, a struct of bytes and path, or a list of them."""
    return tuple(_refs(value, field))


def _refs(value: Any, field: str) -> Iterator[ImageRef]:  # noqa: ANN401
    match value:
        case None | "":
            return
        case str():
            yield ImageRef(value)
        case list():
            for one in value:
                yield from _refs(one, field)
        case {"bytes": bytes(data), **rest}:
            yield ImageRef(_path(rest), data)
        case {"image_url": inner} | {"url": inner} | {"image": inner} if inner is not None:
            yield from _refs(inner, field)
        case {"path": str(path)}:
            yield ImageRef(path)
        case {"bytes": None} | {"path": None}:
            return
        case _:
            raise RowFault(f"{field} holds {_kind(value)}, not the address or the bytes of an image")


def _path(struct: dict[str, Any]) -> str:
    match struct:
        case {"path": str(path)}:
            return path
    return EMBEDDED


def _kind(value: object) -> str:
    names = {
        bool: "a truth value",
        int: "a number",
        float: "a number",
        dict: "an object",
        bytes: "bare bytes",
    }
    return names.get(type(value), f"a {type(value).__name__}")
