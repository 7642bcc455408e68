"""Image slots: the spellings of an image field, as references."""

from collections.abc import Iterator, Mapping

from sft_audit.readers import RowFault
from sft_audit.sample import ImageRef

EMBEDDED = "embedded"
_KINDS = {bool: "a truth value", int: "a number", float: "a number", dict: "an object", str: "text"}


def refs(value: object, where: str) -> tuple[ImageRef, ...]:
    """Return the references in an image field: an address, a struct of bytes and path, or a list of them."""
    if isinstance(value, str):
        return (ImageRef(value),)
    return tuple(_refs(value, where))


def _refs(value: object, where: str) -> Iterator[ImageRef]:
    match value:
        case None:
            return
        case str():
            yield ImageRef(value)
        case bytes():
            yield ImageRef(EMBEDDED, value)
        case list():
            for one in value:
                yield from _refs(one, where)
        case dict():
            yield from _refs_of_struct(value, where)
        case _:
            raise RowFault(f"{where} holds {kind_of(value)}, not the address or the bytes of an image")


def _refs_of_struct(struct: dict[object, object], where: str) -> Iterator[ImageRef]:
    match struct:
        case {"bytes": bytes(data)}:
            yield ImageRef(_path(struct), data)
        case {"type": "base64", "media_type": kind, "data": str(body)}:
            yield ImageRef(f"data:{kind};base64,{body}")
        case {"path": str(path)}:
            yield ImageRef(path)
        case {"image_url": inner} | {"url": inner} | {"image": inner} if isinstance(inner, str | dict):
            yield from _refs(inner, where)
        case {"bytes": None} | {"path": None}:
            return
        case _:
            raise RowFault(f"{where} holds an object without the address or the bytes of an image")


def is_embedded(ref: ImageRef) -> bool:
    """Return whether the row itself holds the image."""
    return ref.data is not None or ref.uri.startswith("data:")


def kind_of(value: object) -> str:
    """Return what a value is, in words."""
    return _KINDS.get(type(value), f"a {type(value).__name__}")


def _path(struct: Mapping[object, object]) -> str:
    match struct:
        case {"path": str(path)}:
            return path
    return EMBEDDED
