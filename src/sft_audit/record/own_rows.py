"""Rows that a checkpoint was trained on, put to it again: does it say what they taught?"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from math import exp, isfinite
from os import getpid
from pathlib import Path
from typing import Any

from sft_audit.config import CheckpointConfig
from sft_audit.readers.image import EMBEDDED
from sft_audit.record import Recording, table_recorder
from sft_audit.record.asking import Asking, Manner, Put
from sft_audit.record.audited import configuration_of, find_images, image_root, read_images
from sft_audit.record.interview import shelf_of
from sft_audit.record.question import bare
from sft_audit.record.reply import read_reply
from sft_audit.record.shelf import answers_folder
from sft_audit.rewards.trial import CLOSED
from sft_audit.store import Store
from sft_audit.tables import table

log = logging.getLogger(__name__)

_CHUNK = 64
_MOST_WORDS = 12  # a longer answer argues: how likely it is as a whole says nothing of what it comes to
OWN_ROWS = table(
    "own_rows",
    "one row that the checkpoint was trained on, put to it again",
    """
    row_id VARCHAR the row's sample_id in the audit of the SFT data
    file VARCHAR its data file
    position BIGINT 1-based line or row in it
    image_id VARCHAR content hash of its image
    question VARCHAR the question as it stands, placeholders removed
    answer VARCHAR what it was taught to answer
    answer_kind VARCHAR as in answers
    canonical VARCHAR that answer in one spelling per meaning
    text VARCHAR what the checkpoint says, greedily
    said VARCHAR its answer in one spelling per meaning; null where it is not read
    reading VARCHAR right, wrong, or unread, by what it was taught
    p_answer DOUBLE probability that it gives to the whole answer it was taught; null where not finite
    p_said DOUBLE probability that it gives to all of what it says
    """,
)
# Rows of one question about one image, drawn by their hashes: with an earlier turn the question is another.
_ROWS = """
    select
        sample_id as row_id,
        samples.file,
        position,
        image_id,
        turns.text as question,
        answer,
        answer_kind,
        canonical
    from answers
    join samples using (sample_id)
    join images using (image_id)
    join turns on turns.sample_id = answers.sample_id and turns.turn = 0 and role = 'user'
    where answers.turn = 1
        and n_images = 1
        and canonical is not null
        and list_contains($kinds, answer_kind)
        and len(string_split(trim(answer), ' ')) <= $words
    order by md5(row_hash || occurrence)
    limit $most
"""


Taught = tuple[Mapping[str, Any], str]  # a row of the SFT data, and where its image lies


@table_recorder(fills=(OWN_ROWS,), cost="model", requires="sft_audit")
def own_rows(recording: Recording) -> None:
    """Put rows of the SFT data to the checkpoint that was trained on them."""
    config = recording.config
    if not isinstance(config, CheckpointConfig):
        raise TypeError("rows are put to a checkpoint: they need a CheckpointConfig")
    if config.checkpoint is None or config.base is None or config.sft_audit is None or not config.own_rows:
        return
    cache = answers_folder(config.cache, config.out)
    manner = Manner(config.max_new_tokens, 0, config.seed, config.base, config.batch, config.device)
    with shelf_of(config.checkpoint, manner, cache) as shelf:
        taught = list(_taught(config.sft_audit, config.own_rows, cache / "images"))
        if not taught:
            log.warning("%s: no closed answer about an image that can be read again", config.sft_audit)
            return
        log.warning("%s rows that it was trained on are put to the checkpoint again", f"{len(taught):,}")
        asking = Asking(config.checkpoint, manner, shelf)
        for at in range(0, len(taught), _CHUNK):
            log.info("asking sft, rows of its own: %d of %d", at, len(taught))
            _put(recording.store, asking, taught[at : at + _CHUNK])


def _taught(audit: Path, most: int, folder: Path) -> Iterator[Taught]:
    """Yield rows whose image is what was audited; one that lies inside its row is written to `folder`."""
    config = configuration_of(audit)
    store = Store(audit, config.memory_limit, 1, read_only=True)
    try:
        rows = store.arrow(_ROWS, {"most": most, "kinds": sorted(CLOSED), "words": _MOST_WORDS}).to_pylist()
        images = list(find_images(store, sorted({row["image_id"] for row in rows})))
    finally:
        store.close()
    places: dict[str, str | None] = {}
    for image, data in read_images(images, config):
        if image.uri == EMBEDDED:
            places[image.image_id] = _copied(data, folder / image.image_id)
        else:
            places[image.image_id] = image_root(image, config).locate(image.uri).path
    for row in rows:
        if place := places.get(row["image_id"]):
            yield {**row, "question": bare(row["question"]).strip()}, place


def _copied(data: bytes, copy: Path) -> str:
    """Return where the bytes lie, written at once or not at all; what is there is left, with its time."""
    if not copy.is_file():
        copy.parent.mkdir(parents=True, exist_ok=True)
        part = copy.with_suffix(f".{getpid()}")
        part.write_bytes(data)
        part.replace(copy)
    return str(copy.absolute())


def _put(store: Store, asking: Asking, taught: Sequence[Taught]) -> None:
    import pyarrow as pa

    put = [Put(row["row_id"], 1, "own", row["question"], row["answer"], (place,)) for row, place in taught]
    rows = []
    for (row, _), response in zip(taught, asking.answers(put), strict=True):
        greedy = response.said[0]
        read = read_reply(row["question"], row["answer"], greedy.text)
        rows.append(
            {
                **row,
                "text": greedy.text,
                "said": read.said,
                "reading": read.reading,
                "p_answer": _probability(response.known.nll),
                "p_said": _probability(greedy.nll),
            }
        )
    store.insert(OWN_ROWS.name, pa.Table.from_pylist(rows, schema=OWN_ROWS.arrow_schema()))


def _probability(nll: float) -> float | None:
    return exp(-nll) if isfinite(nll) else None
