"""The comparisons that the user gave: pairs of a chosen and a rejected response."""

import logging
from pathlib import Path
from typing import Any

from sft_audit.errors import AuditError
from sft_audit.readers import Layout
from sft_audit.readers.batch import address, read_sample
from sft_audit.readers.chunk import Chunk, Row
from sft_audit.readers.detect import Reading, cut, detect
from sft_audit.readers.file_bytes import FileBytes
from sft_audit.readers.inputs import find_inputs
from sft_audit.readers.message import REJECTED
from sft_audit.record import Recording, table_recorder
from sft_audit.record.places import ImageRoot
from sft_audit.record.question import bare, read_question
from sft_audit.sample import ImageRef, Sample, content_hash
from sft_audit.tables import TABLES

log = logging.getLogger(__name__)


@table_recorder(fills=("preferences",), requires="preferences")
def preferences(recording: Recording) -> None:
    """Read the comparisons that were given, in every spelling that the readers know."""
    for one in find_inputs(recording.config.preferences):
        reading = detect(one)
        rows, pairs = _read_file(recording, reading)
        if not pairs:
            raise AuditError(
                f"{one.path}: none of its {rows:,} rows compares two responses; "
                "give rows with prompt, chosen and rejected, or RLHF-V rows"
            )
        if pairs < rows:
            log.warning("%s: %s of %s rows compare no two responses", one.path, rows - pairs, rows)


def _read_file(recording: Recording, reading: Reading) -> tuple[int, int]:
    """Fill the table from one file; return how many rows and how many comparisons it has."""
    root = str(recording.config.images or reading.input.path.parent)
    rows = pairs = 0
    with FileBytes(reading.input.path) as source, recording.store.transaction():
        tasks = (
            (chunk, reading.format, reading.layout, root)
            for chunk in cut(source, reading.input.file, reading.layout)
        )
        for n_rows, batch in recording.engine.map(_pairs_of, tasks):
            rows, pairs = rows + n_rows, pairs + batch.num_rows
            if batch.num_rows:
                recording.store.insert("preferences", batch)
    return rows, pairs


def _pairs_of(task: tuple[Chunk, str, Layout, str]) -> tuple[int, Any]:
    """Return the number of rows in a chunk, and its comparisons as a record batch."""
    import pyarrow as pa

    chunk, format_name, layout, folder = task
    root, known = ImageRoot(folder), dict[str, str | None]()
    found = []
    rows = 0
    for row in chunk.rows():
        rows += 1
        sample = read_sample(row, format_name, layout) if isinstance(row, Row) else None
        responses = _responses(sample) if isinstance(sample, Sample) else None
        if isinstance(sample, Sample) and responses is not None:
            image = sample.images[0] if sample.images else None
            found.append(
                {
                    "pair_id": sample.place.sample_id,
                    "image_id": image and _content(image, root, known),
                    "uri": image and address(image),
                    "prompt": _prompt(sample),
                    "chosen": responses[0],
                    "rejected": responses[1],
                }
            )
    return rows, pa.RecordBatch.from_pylist(found, schema=TABLES["preferences"].arrow_schema())


def _responses(sample: Sample) -> tuple[str, str] | None:
    """Return the chosen and the rejected response of a row; None where it compares nothing."""
    said = [turn.text for turn in sample.turns if turn.role == "assistant"]
    refused = [turn.text for turn in sample.turns if turn.role == REJECTED]
    match sample.extra:
        case _ if said and refused:
            return said[-1], refused[-1]
        case {"rejected_response": str(rejected)} if said:
            return said[-1], rejected
        case {
            "output_1": {"value": str(first)},
            "output_2": {"value": str(second)},
            "preference": 1 | 2 as better,
        }:
            return (first, second) if better == 1 else (second, first)
    return None


def _prompt(sample: Sample) -> str:
    """Return the last question, in the form in which the `answers` table has questions."""
    asked = [text for turn in sample.turns if turn.role == "user" and (text := bare(turn.text).strip())]
    return read_question(asked[-1]).text if asked else ""


def _content(image: ImageRef, root: ImageRoot, known: dict[str, str | None]) -> str | None:
    """Return the content hash of an image; None where it cannot be read."""
    if image.data is not None:
        return content_hash(image.data)
    if image.uri not in known:
        path = root.locate(image.uri).path
        try:
            known[image.uri] = path and content_hash(Path(path).read_bytes())
        except OSError:
            known[image.uri] = None
    return known[image.uri]
