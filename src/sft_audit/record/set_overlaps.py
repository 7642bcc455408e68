"""Rows that stand in another data set too: the same question about the same image."""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sft_audit.config import PromptsConfig
from sft_audit.errors import AuditError
from sft_audit.readers.batch import address, read_sample
from sft_audit.readers.chunk import Chunk, Row
from sft_audit.readers.detect import Reading, cut, detect
from sft_audit.readers.file_bytes import FileBytes
from sft_audit.readers.inputs import Input, find_inputs
from sft_audit.record import Recording, table_recorder
from sft_audit.record.places import ImageRoot
from sft_audit.record.question import bare, fold
from sft_audit.sample import ImageRef, Malformed, Sample, content_hash
from sft_audit.tables import Table, table

log = logging.getLogger(__name__)

_COLUMNS = """
    sample_id VARCHAR the row, an RL prompt where prompts are audited
    file VARCHAR the file of the other data set
    position BIGINT 1-based row of that file
    id VARCHAR that row's own id, if it has one
    alike VARCHAR image: the same content; address: the same address; text: neither has an image
"""
SFT = table("sft_overlaps", "one RL prompt that stands in the SFT data", _COLUMNS)
EVAL = table("eval_overlaps", "one row that stands in an evaluation set", _COLUMNS)
# What a check says of `found`, one of these tables; $what is what a row of the data is called, $others the
# other data set.
OVERLAPPING = """
    select
        sample_id,
        null::integer as turn,
        count(*) as score,
        if(bool_or(alike = 'image'), 0.99, 0.8) as confidence,
        'this ' || $what || ' stands in ' || $others || ', ' || min(file) || ' row '
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
_ROWS = """
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
    """One row of the data with the contents (nothing: not read) and the addresses of its images."""

    sample_id: str
    contents: Sequence[str]
    addresses: Sequence[str]


Index = Mapping[str, Sequence[Pictured]]


@table_recorder(fills=(SFT,), needs=_NEEDS, cost="decode", requires="sft")
def sft_overlaps(recording: Recording) -> None:
    """Find the RL prompts that the SFT data have answered already."""
    if not isinstance(recording.config, PromptsConfig):
        raise TypeError("prompts are compared with SFT data under a PromptsConfig")
    _record(recording, SFT, recording.config.sft)


@table_recorder(fills=(EVAL,), needs=_NEEDS, cost="decode", requires="eval")
def eval_overlaps(recording: Recording) -> None:
    """Find the rows of the data that an evaluation set asks: every question of one, the last of a prompt."""
    _record(recording, EVAL, recording.config.eval)


def _record(recording: Recording, into: Table, paths: Sequence[Path]) -> None:
    """Fill the table from data sets in any format that the readers know."""
    import pyarrow as pa

    if recording.config.subject == "data":
        # The data are large and the evaluation set is small: only what it asks is kept in memory.
        asked = {question for sample in _samples(paths) for question in _questions(sample)}
        index = _index(recording, asked)
    else:
        index = _index(recording, None)
    option = into.name.partition("_")[0]
    schema = into.arrow_schema()
    for rows in find_overlaps(index, paths, recording.config.images, option):
        recording.store.insert(into.name, pa.RecordBatch.from_pylist(rows, schema=schema))


def find_overlaps(
    index: Index, paths: Sequence[Path], images: Path | None, option: str
) -> Iterator[list[dict[str, Any]]]:
    """Yield overlaps with other data sets, chunk by chunk; `index` holds rows by `question_of` what they ask.

    Images of the other sets are looked for in the folder `images`, then beside their file. Raises AuditError
    where fewer than half of the rows can be read: no overlap found would say nothing.
    """
    read, faults = 0, list[Malformed]()
    for one in find_inputs(paths):
        pictures = _Contents([ImageRoot(str(folder)) for folder in (images, one.path.parent) if folder])
        unread = list[Malformed]()
        for samples, malformed in _chunks(one):
            yield [
                row
                for sample in samples
                for question in _questions(sample)
                if question in index
                for row in _overlapping(sample, index[question], pictures)
            ]
            read += len(samples)
            unread += malformed
        _tell(unread)
        pictures.tell(one.file)
        faults += unread
    if read <= len(faults):
        first = f"; {_said(faults[0])}" if faults else ""
        raise AuditError(
            f"only {read:,} of {read + len(faults):,} rows of --{option} can be read, too few to compare with"
            f"{first}"
        )


def _samples(paths: Sequence[Path]) -> Iterator[Sample]:
    return (sample for one in find_inputs(paths) for samples, _ in _chunks(one) for sample in samples)


def _chunks(one: Input) -> Iterator[tuple[list[Sample], list[Malformed]]]:
    """Yield the rows of a file, chunk by chunk: those that can be read, and those that cannot."""
    reading = detect(one)
    with FileBytes(one.path) as source:
        for chunk in cut(source, one.file, reading.layout, reading.format):
            yield _read(chunk, reading)


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


def _index(recording: Recording, among: Collection[str] | None) -> Index:
    """Return the rows by what they ask, if that is `among` these: every question of an SFT row counts."""
    every = recording.config.subject == "data"
    index: dict[str, list[Pictured]] = {}
    for batch in recording.store.batches(_ROWS, 8192):
        for row in batch.to_pylist():
            texts = row["asked"] or ()
            asked = dict.fromkeys(map(question_of, texts)) if every else [_last_question(texts)]
            for question in asked:
                if question and (among is None or question in among):
                    one = Pictured(row["sample_id"], row["contents"] or [], row["addresses"] or [])
                    index.setdefault(question, []).append(one)
    return index


def question_of(text: str) -> str:
    """Return what two user messages that ask the same share; nothing where one asks nothing."""
    return fold(bare(text))


def _last_question(texts: Sequence[str]) -> str:
    return next((asked for text in reversed(texts) if (asked := question_of(text))), "")


def _questions(sample: Sample) -> Collection[str]:
    return dict.fromkeys(question_of(turn.text) for turn in sample.turns if turn.role == "user")


def _overlapping(sample: Sample, rows: Sequence[Pictured], pictures: "_Contents") -> Iterator[dict[str, Any]]:
    """Yield the rows about the same images, of those that ask the same: only then are files hashed.

    Addresses count where an image cannot be read, on either side.
    """
    addresses = [address(image) for image in sample.images]
    contents = [pictures.content(image) for image in sample.images]
    for one in rows:
        if len(one.addresses) != len(addresses):
            continue
        known = "" not in (*contents, *one.contents)
        if (contents == list(one.contents)) if known else (addresses == list(one.addresses)):
            yield {
                "sample_id": one.sample_id,
                "file": sample.place.file,
                "position": sample.place.position,
                "id": sample.id,
                "alike": ("image" if known else "address") if addresses else "text",
            }


class _Contents:
    """The content hashes of images, each file read once."""

    def __init__(self, roots: Sequence[ImageRoot]) -> None:
        self._roots = roots
        self._hashes: dict[str, str] = {}

    def content(self, image: ImageRef) -> str:
        """Return the content hash of an image; nothing where it cannot be read."""
        if image.data is not None:
            return content_hash(image.data)
        if image.uri not in self._hashes:
            self._hashes[image.uri] = self._hash(image.uri)
        return self._hashes[image.uri]

    def tell(self, file: str) -> None:
        """Warn of images that were needed and cannot be read: the first, and how many."""
        lost = [uri for uri, digest in self._hashes.items() if not digest]
        if lost:
            log.warning(
                "%s: %s images cannot be read, the first %r; rows with them are compared by address",
                file,
                f"{len(lost):,}",
                lost[0][:80],
            )

    def _hash(self, uri: str) -> str:
        path = next((path for root in self._roots if (path := root.locate(uri).path)), None)
        try:
            return content_hash(Path(path).read_bytes()) if path else ""
        except OSError:
            return ""
