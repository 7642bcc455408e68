"""Rows as Arrow batches of the tables: the work of one worker on one chunk."""

import json
from collections.abc import Mapping
from types import UnionType
from typing import Any

from sft_audit.readers import OURS, Content, Layout, RowFault, placeholder, read_row
from sft_audit.readers.chunk import Chunk, Row
from sft_audit.readers.image import EMBEDDED, is_embedded
from sft_audit.sample import MEDIA, MEDIA_PLACEHOLDERS, ImageRef, Malformed, Problem, Sample, Turn
from sft_audit.tables import TABLES

FILLED = ("samples", "problems", "turns", "image_uses")
_IDS = ("id", "question_id", "uid", "idx")
_SOURCES = ("source", "data_source", "dataset", "dataset_name")
_ADDRESSED = ("sample_id", "slot", "uri")  # the other columns are for whoever opens the image
_LONGEST = 2000
_MOST_FIELDS = 200


def read_chunk(task: tuple[Chunk, str, Layout]) -> dict[str, Any]:
    """Return the record batches, by table, that a chunk comes to under a format and a layout."""
    chunk, format_name, layout = task
    tables = _Tables(chunk.file)
    tables.add_problems(None, chunk.problems)
    for row in chunk.rows():
        tables.add(row if isinstance(row, Malformed) else read_sample(row, format_name, layout))
    return tables.batches()


def read_sample(row: Row, format_name: str, layout: Layout) -> Sample | Malformed:
    """Return the sample that a row is in its file's format or in its own; one in no format is malformed."""
    try:
        row_format, parsed = read_row(row.content, format_name, layout)
    except RowFault as fault:
        return Malformed(row.place, row.row_hash, f"{OURS} it in no format; as {format_name}: {fault}")
    fields = {name: value for name, value in row.content.items() if name not in parsed.used}
    fields.update(parsed.extra)
    # A reward function is given every column of an RL prompt, so that none is taken away.
    names = dict(fields) if parsed.kind == "rl_prompt" else fields
    return Sample(
        place=row.place,
        row_hash=row.row_hash,
        format=row_format,
        kind=parsed.kind,
        id=_taken(names, _IDS, str | int),
        source=_taken(names, _SOURCES, str),
        turns=parsed.turns,
        images=parsed.images,
        extra=fields,
        problems=row.problems,
    )


def _taken(fields: Content, names: tuple[str, ...], kind: type | UnionType) -> str | None:
    """Take the first of some fields that holds a name, and return it."""
    for name in names:
        if name in fields and isinstance(fields[name], kind) and fields[name] != "":
            return str(fields.pop(name))
    return None


class _Tables:
    """Rows of the tables, column order as in `tables.py`."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._rows: dict[str, list[tuple[object, ...]]] = {name: [] for name in FILLED}

    def add(self, one: Sample | Malformed) -> None:
        place = one.place
        sample_id = place.sample_id
        where = (place.file, place.position, place.line, place.byte_offset, place.n_bytes)
        if isinstance(one, Malformed):
            unread = ("none", "sft", 0, False, True, one.reason, "{}")
            self._rows["samples"].append((sample_id, one.row_hash, 1, None, self._file, *where, *unread))
            return
        n_images = len(one.images)
        text_only = not n_images and not _has_media(one)
        read = (one.format, one.kind, n_images, text_only, False, None, bounded_json(one.extra))
        names = (one.id, one.source or self._file)
        self._rows["samples"].append((sample_id, one.row_hash, 1, *names, *where, *read))
        self._add_turns(sample_id, one.turns)
        if n_images:
            uses = [(sample_id, slot, address(ref)) for slot, ref in enumerate(one.images)]
            self._rows["image_uses"].extend(uses)
        if one.problems:
            self.add_problems(sample_id, one.problems)

    def _add_turns(self, sample_id: str, turns: tuple[Turn, ...]) -> None:
        add = self._rows["turns"].append
        for at, turn in enumerate(turns):
            text = turn.text
            n_tokens = -(-(len(text) if text.isascii() else len(text.encode())) // 4)
            slots = placeholder.count(text)
            add((sample_id, at, turn.role, text, turn.supervised, turn.loss_weight, n_tokens, slots))

    def add_problems(self, sample_id: str | None, problems: tuple[Problem, ...]) -> None:
        for p in problems:
            self._rows["problems"].append(
                (sample_id, self._file, p.line, p.byte_offset, p.n_bytes, p.kind, p.detail)
            )

    def batches(self) -> dict[str, Any]:
        import pyarrow as pa

        made = {}
        for name, rows in self._rows.items():
            schema = TABLES[name].arrow_schema()
            if name == "image_uses":
                schema = pa.schema([schema.field(column) for column in _ADDRESSED])
            columns = zip(*rows, strict=True) if rows else ([] for _ in schema)
            made[name] = pa.record_batch(
                [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)],
                schema=schema,
            )
        return made


def _has_media(one: Sample) -> bool:
    """Return whether the row has a video or audio: in a field that says so, or in a place of its texts."""
    return any(one.extra.get(name) for name in MEDIA) or any(
        place in turn.text for turn in one.turns for place in MEDIA_PLACEHOLDERS
    )


def address(ref: ImageRef) -> str:
    """Return what stands in `image_uses.uri`: the address, or `embedded` where the row holds the bytes."""
    return EMBEDDED if is_embedded(ref) else ref.uri


def bounded_json(fields: Mapping[str, Any]) -> str:
    """Return fields as a JSON object, each value within 2,000 characters and never an image's bytes."""
    if not fields:
        return "{}"
    kept = dict(list(fields.items())[:_MOST_FIELDS])
    try:
        text = json.dumps(kept, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        text = json.dumps({name: _plain(value) for name, value in kept.items()}, ensure_ascii=False)
        kept = json.loads(text)
    if len(text) <= _LONGEST:
        return text
    return json.dumps({name: _cut(value) for name, value in kept.items()}, ensure_ascii=False)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value of a row
    """Return a value with null for what JSON cannot say, text for dates, and nothing for bytes."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if abs(value) < float("inf") else None
        case bytes():
            return f"{len(value)} bytes"
        case list():
            return [_plain(one) for one in value]
        case dict():
            return {str(name): _plain(one) for name, one in value.items()}
    return str(value)


def _cut(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return value[:_LONGEST]
    if isinstance(value, list | dict):
        text = json.dumps(value, ensure_ascii=False)
        return value if len(text) <= _LONGEST else text[:_LONGEST]
    return value
