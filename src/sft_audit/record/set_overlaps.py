"""RL prompts that stand in another data set too: the same question about the same image."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sft_audit.config import PromptsConfig
from sft_audit.errors import AuditError
from sft_audit.readers.batch import address, read_sample
from sft_audit.readers.chunk import Chunk, Row
from sft_audit.readers.detect import Reading, cut, detect
from sft_audit.readers.file_bytes import FileBytes
from sft_audit.readers.inputs import find_inputs
from sft_audit.record import Recording, table_recorder
from sft_audit.record.places import ImageRoot
from sft_audit.record.question import bare, fold
from sft_audit.sample import ImageRef, Malformed, Sample, content_hash
from sft_audit.tables import Table, table

log = logging.getLogger(__name__)

_COLUMNS = """
    sample_id VARCHAR the RL prompt
    file VARCHAR the file of the other data set
    position BIGINT 1-based row of that file
    id VARCHAR that row's own id, if it has one
    alike VARCHAR image: the same content; address: the same address; text: neither has an image
"""
SFT = table("sft_overlaps", "one RL prompt that stands in the SFT data", _COLUMNS)
EVAL = table("eval_overlaps", "one RL prompt that stands in an evaluation set", _COLUMNS)
# What a check says of `found`, one of these tables; $others is what the other data set is called.
OVERLAPPING = """
    select
        sample_id,
        null::integer as turn,
        count(*) as score,
        if(bool_or(alike = 'image'), 0.99, 0.8) as confidence,
        'this prompt stands in ' || $others || ', ' || min(file) || ' row '
            || arg_min(position, (file, position))
            || case when count(*) > 1 then ' and ' || (count(*) - 1) || ' more' else '' end
            || ': the same question, ' || case max(alike)
                when 'image' then 'and an image of the same content'
                when 'address' then 'and an image of the same address'
                else 'without an image'
            end as message,
        json_object('rows', list(file || ':' || position order by file, position)[:20]) as evidence
    from found
    group by sample_id
"""
_NEEDS = ("samples", "turns", "images", "image_uses")
_PROMPTS = """
    select
        sample_id,
        (select list(text order by turn) from turns where turns.sample_id = samples.sample_id
            and role = 'user') as asked,
        (select list(coalesce(image_id, '') order by slot) from image_uses
            where image_uses.sample_id = samples.sample_id) as contents,
        (select list(uri order by slot) from image_uses
            where image_uses.sample_id = samples.sample_id) as addresses
    from samples
    where not malformed
"""


@dataclass(frozen=True, slots=True)
class Pictured:
    """One RL prompt with the contents (nothing: not read) and the addresses of its images."""

    sample_id: str
    contents: Sequence[str]
    addresses: Sequence[str]


Index = Mapping[str, Sequence[Pictured]]


@table_recorder(fills=(SFT,), needs=_NEEDS, cost="decode", requires="sft")
def sft_overlaps(recording: Recording) -> None:
    """Find the RL prompts that the SFT data have answered already."""
    _record(recording, SFT, _config(recording).sft)


@table_recorder(fills=(EVAL,), needs=_NEEDS, cost="decode", requires="eval")
def eval_overlaps(recording: Recording) -> None:
    """Find the RL prompts that an evaluation set asks."""
    _record(recording, EVAL, _config(recording).eval)


def _config(recording: Recording) -> PromptsConfig:
    if not isinstance(recording.config, PromptsConfig):
        raise TypeError("prompts are compared with other sets under a PromptsConfig")
    return recording.config


def _record(recording: Recording, into: Table, paths: Sequence[Path]) -> None:
    """Fill the table from data sets in any format that the readers know.

    Raises AuditError where fewer than half of the rows can be read: no overlap found would say nothing.
    """
    import pyarrow as pa

    index = _index(recording)
    schema = into.arrow_schema()
    read, faults = 0, list[Malformed]()
    for one in find_inputs(paths):
        reading = detect(one)
        root = ImageRoot(str(recording.config.images or one.path.parent))
        hashes: dict[str, str] = {}
        unread = list[Malformed]()
        with FileBytes(one.path) as source, recording.store.transaction():
            for chunk in cut(source, one.file, reading.layout, reading.format):
                samples, malformed = _read(chunk, reading)
                found = [
                    row
                    for sample, question in _asking(samples, index)
                    for row in _overlapping(sample, index[question], root, hashes)
                ]
                recording.store.insert(into.name, pa.RecordBatch.from_pylist(found, schema=schema))
                read += len(samples)
                unread += malformed
        _tell(unread)
        faults += unread
    if read <= len(faults):
        option = into.name.partition("_")[0]
        first = f"; {_said(faults[0])}" if faults else ""
        raise AuditError(
            f"only {read:,} of {read + len(faults):,} rows of --{option} can be read, too few to compare with"
            f"{first}"
        )


def _read(chunk: Chunk, reading: Reading) -> tuple[list[Sample], list[Malformed]]:
    """Return the rows of a chunk that can be read, and those that cannot."""
    rows = [
        read_sample(row, reading.format, reading.layout) if isinstance(row, Row) else row
        for row in chunk.rows()
    ]
    return [row for row in rows if isinstance(row, Sample)], [
        row for row in rows if isinstance(row, Malformed)
    ]


def _tell(unread: Sequence[Malformed]) -> None:
    """Warn of a file's rows that cannot be read: the first, and how many."""
    if unread:
        log.warning("%s (not compared: %s such in the file)", _said(unread[0]), f"{len(unread):,}")


def _said(row: Malformed) -> str:
    return f"{row.place.file}:{row.place.line or row.place.position}: {row.reason}"


def _index(recording: Recording) -> Index:
    index: dict[str, list[Pictured]] = {}
    for batch in recording.store.batches(_PROMPTS, 8192):
        for row in batch.to_pylist():
            if asked := _question(row["asked"] or ()):
                one = Pictured(row["sample_id"], row["contents"] or [], row["addresses"] or [])
                index.setdefault(asked, []).append(one)
    return index


def _question(texts: Sequence[str]) -> str:
    """Return the last question among user messages, folded."""
    return next((asked for text in reversed(texts) if (asked := fold(bare(text)))), "")


def _asking(samples: Sequence[Sample], index: Index) -> Iterator[tuple[Sample, str]]:
    """Yield the samples that ask what some prompt asks, each with its question."""
    for sample in samples:
        asked = dict.fromkeys(fold(bare(turn.text)) for turn in sample.turns if turn.role == "user")
        yield from ((sample, question) for question in asked if question in index)


def _overlapping(
    sample: Sample, prompts: Sequence[Pictured], root: ImageRoot, hashes: dict[str, str]
) -> Iterator[dict[str, Any]]:
    """Yield the prompts about the same images, of those that ask the same: only then are files hashed.

    Addresses count where an image cannot be read, on either side.
    """
    addresses = [address(image) for image in sample.images]
    contents = [_content(image, root, hashes) for image in sample.images]
    for one in prompts:
        if len(one.addresses) != len(addresses):
            continue
        known = "" not in (*contents, *one.contents)
        if (contents == one.contents) if known else (addresses == one.addresses):
            yield {
                "sample_id": one.sample_id,
                "file": sample.place.file,
                "position": sample.place.position,
                "id": sample.id,
                "alike": ("image" if known else "address") if addresses else "text",
            }


def _content(image: ImageRef, root: ImageRoot, hashes: dict[str, str]) -> str:
    """Return the content hash of an image; nothing where it cannot be read."""
    if image.data is not None:
        return content_hash(image.data)
    if image.uri not in hashes:
        path = root.locate(image.uri).path
        try:
            hashes[image.uri] = content_hash(Path(path).read_bytes()) if path else ""
        except OSError:
            hashes[image.uri] = ""
    return hashes[image.uri]
