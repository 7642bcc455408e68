"""The bytes of images that rows carry inside: parquet structs and `data:` addresses."""

import base64
import binascii
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from sft_audit.readers import Content, Layout, RowFault, read_row
from sft_audit.readers.chunk import Row
from sft_audit.readers.json_row import RowReader
from sft_audit.readers.parquet import rows_at
from sft_audit.sample import ImageRef, Place


class Slot(NamedTuple):
    """One image slot whose uri is `embedded`, by the columns of `samples` and `image_uses`."""

    position: int
    slot: int
    byte_offset: int
    n_bytes: int


class Origin(NamedTuple):
    """One file, by the columns of `files`."""

    path: str
    container: str
    format: str
    layout: str


def load(origin: Origin, slots: Sequence[Slot]) -> dict[tuple[int, int], bytes | None]:
    """Return the bytes of each slot by (position, slot); None where an address does not decode to bytes.

    Memory holds the images that are asked for and one record batch: ask for some dozens at a time, and for
    neighbours together, since a parquet file is read a row group at a time.
    """
    layout = read_layout(origin.container, origin.layout)
    wanted: dict[int, list[int]] = {}
    for one in slots:
        wanted.setdefault(one.position, []).append(one.slot)
    found: dict[tuple[int, int], bytes | None] = {}
    for position, content in _contents(origin, slots):
        try:
            _, parsed = read_row(content, origin.format, layout)
        except RowFault:
            continue
        for slot in wanted[position]:
            found[position, slot] = _bytes(parsed.images[slot])
    return found


def read_layout(container: str, text: str) -> Layout:
    """Return the layout that `files.layout` holds."""
    named = json.loads(text)
    return Layout(container, named.get("columns", {}), named.get("tags", {}))


def write_layout(layout: Layout) -> str:
    """Return a layout as `files.layout` holds it."""
    named = {"columns": dict(layout.columns), "tags": dict(layout.tags)}
    return json.dumps({name: value for name, value in named.items() if value}, sort_keys=True)


def _contents(origin: Origin, slots: Sequence[Slot]) -> Iterator[tuple[int, Content]]:
    if origin.container == "parquet":
        yield from rows_at(Path(origin.path), sorted({one.position for one in slots}))
        return
    reader = RowReader()
    spans = sorted({(one.byte_offset, one.n_bytes, one.position) for one in slots})
    with Path(origin.path).open("rb") as file:
        for offset, n_bytes, position in spans:
            file.seek(offset)
            row = reader.read(file.read(n_bytes), Place("", position, 0, offset, n_bytes))
            if isinstance(row, Row):
                yield position, row.content


def _bytes(ref: ImageRef) -> bytes | None:
    if ref.data is not None:
        return ref.data
    head, _, body = ref.uri.partition(",")
    raw = unquote_to_bytes(body)
    if not head.endswith(";base64"):
        return raw
    try:
        return base64.b64decode(raw, validate=False)
    except binascii.Error:
        return None
