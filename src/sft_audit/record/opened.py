"""What a worker does with a batch of image addresses: find the files, open them, decode each content once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sft_audit.config import ImageTokens
from sft_audit.readers.embedded import Origin, Slot, load
from sft_audit.record.decode import Decoded, UndecodableError, decode
from sft_audit.record.grey import Seen, look, measures
from sft_audit.record.image_tokens import count_image_tokens
from sft_audit.record.places import ImageRoot, Located
from sft_audit.sample import content_hash

Batches = Mapping[str, Any]  # Arrow tables, which have no types
_Image = tuple[int, str, int, Decoded, Seen]
FILES = {"place": "int64", "path": "string", "n_bytes": "int64", "problem": "string", "detail": "string"}
OPENED = {"place": "int64", "image_id": "string", "problem": "string", "detail": "string"}
IMAGES = {
    "place": "int64",
    "image_id": "string",
    "width": "int32",
    "height": "int32",
    "mode": "string",
    "format": "string",
    "n_bytes": "int64",
    "orientation": "int32",
    "frames": "int32",
    "alpha": "bool",
    "phash": "uint64",
    "sharpness": "float64",
    "brightness": "float64",
    "contrast": "float64",
    "entropy": "float64",
    "thumbnail": "binary",
    "n_tokens": "int32",
}


@dataclass(frozen=True, slots=True)
class Addresses:
    """The numbers of some addresses, and the file that each names."""

    places: list[int]
    paths: list[str]


@dataclass(frozen=True, slots=True)
class Carried:
    """The numbers of addresses whose bytes one file's rows hold, and where in the file."""

    origin: Origin
    places: tuple[int, ...]
    slots: tuple[Slot, ...]


def find_files(addresses: Any) -> Batches:  # noqa: ANN401 - an Arrow batch
    """Find the file of each address (columns place, root, uri)."""
    roots: dict[str, ImageRoot] = {}
    found: list[tuple[int, Located]] = []
    for place, root, uri in zip(*(column.to_pylist() for column in addresses.columns), strict=True):
        if root not in roots:
            roots[root] = ImageRoot(root)
        found.append((place, roots[root].locate(uri)))
    rows = [(place, one.path, one.n_bytes, one.problem, one.detail) for place, one in found]
    return {"pixel_files": _arrow(FILES, list(zip(*rows, strict=True)))}


def open_files(estimate: ImageTokens, addresses: Addresses) -> Batches:
    """Read the files and decode each distinct content once."""
    return _decode_all(estimate, zip(addresses.places, map(_read, addresses.paths), strict=True))


def open_carried(estimate: ImageTokens, carried: Carried) -> Batches:
    """Take the bytes out of the rows and decode each distinct content once."""
    loaded = load(carried.origin, carried.slots)
    lost = UndecodableError("not_an_image", "its address does not decode to bytes")
    return _decode_all(
        estimate,
        (
            (place, data if (data := loaded.get((slot.position, slot.slot))) is not None else lost)
            for place, slot in zip(carried.places, carried.slots, strict=True)
        ),
    )


def _read(path: str) -> bytes | UndecodableError:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a million times: half the cost of Path
            return file.read()
    except FileNotFoundError:
        return UndecodableError("missing", "it was there when the audit began")
    except OSError as fault:
        return UndecodableError("unreadable", (fault.strerror or str(fault)).lower())


def _decode_all(estimate: ImageTokens, contents: Iterable[tuple[int, bytes | UndecodableError]]) -> Batches:
    opened: list[tuple[int, str | None, str | None, str | None]] = []
    known: dict[str, UndecodableError | None] = {}
    images: list[_Image] = []
    for place, data in contents:
        if isinstance(data, UndecodableError):
            opened.append((place, None, data.kind, data.detail))
            continue
        image_id = content_hash(data)
        if image_id not in known:
            known[image_id] = None
            try:
                decoded = decode(data)
                images.append((place, image_id, len(data), decoded, look(decoded.grey)))
            except UndecodableError as fault:
                known[image_id] = fault
        seen = known[image_id]
        opened.append((place, None, seen.kind, seen.detail) if seen else (place, image_id, None, None))
    tables = {"pixel_opened": _arrow(OPENED, list(zip(*opened, strict=True)))}
    if images:
        tables["pixel_images"] = _arrow(IMAGES, list(_columns(estimate, images)))
    return tables


def _columns(estimate: ImageTokens, images: Sequence[_Image]) -> Iterator[list[Any]]:
    """Yield the columns of IMAGES in order."""
    places, image_ids, sizes, headers, seen = zip(*images, strict=True)
    yield list(places)
    yield list(image_ids)
    yield [one.width for one in headers]
    yield [one.height for one in headers]
    yield [one.mode for one in headers]
    yield [one.format for one in headers]
    yield list(sizes)
    yield [one.orientation for one in headers]
    yield [one.frames for one in headers]
    yield [one.alpha for one in headers]
    yield from measures(seen).values()
    yield [count_image_tokens(estimate, one.width, one.height) for one in headers]


def _arrow(schema: Mapping[str, str], columns: Sequence[Any]) -> Any:  # noqa: ANN401
    import pyarrow as pa

    kinds = {name: pa.type_for_alias(kind) for name, kind in schema.items()}
    columns = columns or [[] for _ in kinds]
    arrays = [pa.array(values, kind) for values, kind in zip(columns, kinds.values(), strict=True)]
    return pa.table(arrays, schema=pa.schema(list(kinds.items())))
