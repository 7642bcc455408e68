"""Pairs of images that show the same picture, saved again, resized, lightened or trimmed."""

import logging
from collections.abc import Mapping
from typing import Any

from sft_audit.engine import Engine
from sft_audit.record import Recording, store_all, table_recorder
from sft_audit.record.alignment import CROPS, compare, cropped
from sft_audit.record.grey import low_frequencies, stacked
from sft_audit.store import Store

log = logging.getLogger(__name__)

_BATCH = 2048
_BANDS = 3
_BAND_BITS = 21
_MOST_BITS = 10  # of 64 that the hashes of a candidate pair may differ in, after a trim
_FLATTEST = 2.0  # grey levels of standard deviation; a flatter thumbnail shows nothing to compare
_GIANT = 64  # images under one key; in a larger bucket each is compared with its next neighbours alone
_NEIGHBOURS = 8
_NEAREST = 16  # candidates that are verified for each image, those of the closest hashes


@table_recorder(fills=("near_images",), needs=("images",))
def near_images(recording: Recording) -> None:
    """Find candidates by a band table of hashes, then verify each pair on the thumbnails."""
    store, engine = recording.store, recording.engine
    find_candidates(store, engine)
    pairs = """
        select
            a.image_id as image_a,
            b.image_id as image_b,
            bit_count(xor(a.phash, b.phash))::integer as distance,
            a.thumbnail as thumbnail_a,
            b.thumbnail as thumbnail_b
        from near_candidates
        join near_numbers as number_a on number_a.n = n_a
        join near_numbers as number_b on number_b.n = n_b
        join images as a on a.image_id = number_a.image_id
        join images as b on b.image_id = number_b.image_id
    """
    store_all(recording, engine.map(_verify, store.batches(pairs, _BATCH)))
    store.execute("create or replace table near_images as from near_images order by image_a, image_b")
    for name in ("numbers", "probes", "candidates"):
        store.execute(f"drop table near_{name}")


def find_candidates(store: Store, engine: Engine) -> None:
    """Fill `near_candidates` with pairs of the numbers that `near_numbers` gives to images.

    Every image is entered under the three 21-bit bands of its hash, and looked up under the bands of itself
    and of its centre without 1.5 % and 3 % of each side, the weakest bit of each band either way. Two images
    whose hashes differ in two bits share a band; so do most that differ in four.
    """
    store.execute("create or replace table near_probes (n BIGINT, band INT, key INT, hash UBIGINT, own BOOL)")
    store.execute(
        """
        create or replace table near_numbers as
        select row_number() over (order by image_id) as n, image_id
        from images
        """
    )
    numbered = "select n, thumbnail from near_numbers join images using (image_id) order by n"
    for found in engine.map(_probe, store.batches(numbered, _BATCH)):
        store.insert("near_probes", found)
    _pair(store)


def _probe(batch: Any) -> Any:  # noqa: ANN401 - an Arrow batch
    """Return the keys under which each image is entered (`own`) and looked up."""
    import numpy as np
    import pyarrow as pa

    thumbnails = stacked(batch["thumbnail"].to_pylist())
    telling = thumbnails.std((1, 2), dtype=np.float64) >= _FLATTEST
    numbers = batch["n"].to_numpy()[telling]
    tables = []
    for crop in CROPS:
        low = low_frequencies(cropped(thumbnails[telling], crop))
        low -= np.median(low, axis=1, keepdims=True)
        hashes = np.ascontiguousarray(np.packbits(low > 0, axis=1)).view(">u8")[:, 0].astype(np.uint64)
        for band in range(_BANDS):
            part = low[:, band::_BANDS][:, :_BAND_BITS]
            key = (part > 0) @ (1 << np.arange(_BAND_BITS))
            weakest = np.abs(part).argmin(axis=1) if len(part) else np.empty(0, np.int64)
            for own, spelled in ((crop == 0, key), (False, key ^ (1 << weakest))):
                columns = [numbers, np.full(len(key), band), spelled, hashes, np.full(len(key), own)]
                tables.append(pa.table(columns, names=["n", "band", "key", "hash", "own"]))
    return pa.concat_tables(tables)


def _pair(store: Store) -> None:
    """Join the probes with the entries under the same key; keep the pairs whose hashes are close."""
    values = {"giant": _GIANT, "bits": _MOST_BITS, "neighbours": _NEIGHBOURS, "nearest": _NEAREST}
    store.execute(
        """
        create or replace table near_candidates as
        with entries as (
            select *, count(*) over (partition by band, key) as held
            from near_probes
            where own
        ), met as (
            select distinct
                probe.n as n_a,
                bit_count(xor(probe.hash, entry.hash))::bigint << 40 | entry.n as nearness
            from near_probes as probe
            join entries as entry using (band, key)
            where held <= $giant and probe.n <> entry.n and bit_count(xor(probe.hash, entry.hash)) <= $bits
        ), looked_up as (
            select n_a, unnest(min(nearness, $nearest)) & ((1::bigint << 40) - 1) as n_b
            from met
            group by n_a
        ), ranked as (
            select n, band, key, hash, row_number() over (partition by band, key order by hash, n) as rank
            from entries
            where held > $giant
        ), neighbours as (
            select a.n as n_a, b.n as n_b
            from ranked as a
            join ranked as b using (band, key)
            where b.rank between a.rank + 1 and a.rank + $neighbours
                and bit_count(xor(a.hash, b.hash)) <= $bits
        )
        select distinct least(n_a, n_b) as n_a, greatest(n_a, n_b) as n_b
        from (from looked_up union all from neighbours)
        """,
        values,
    )
    giants = store.value(
        """
        select count(*)
        from (select 1 from near_probes where own group by band, key having count(*) > $giant)
        """,
        {"giant": _GIANT},
    )
    if giants:
        log.info("near_images: %d keys with more than %d images; neighbours alone compared", giants, _GIANT)


def _verify(batch: Any) -> Mapping[str, Any]:  # noqa: ANN401
    """Return the pairs whose thumbnails agree everywhere, in the columns of `near_images`."""
    import numpy as np
    import pyarrow as pa

    agreed, similarity, crop = compare(
        stacked(batch["thumbnail_a"].to_pylist()), stacked(batch["thumbnail_b"].to_pylist())
    )
    kept = np.flatnonzero(agreed)
    ids = [
        sorted(pair) for pair in zip(batch["image_a"].to_pylist(), batch["image_b"].to_pylist(), strict=True)
    ]
    how = [
        "whole thumbnails" if share == 0 else f"thumbnails, one without {share:.1%} of each side"
        for share in crop
    ]
    columns = {
        "image_a": pa.array([ids[at][0] for at in kept], pa.string()),
        "image_b": pa.array([ids[at][1] for at in kept], pa.string()),
        "distance": batch["distance"].take(kept),
        "similarity": pa.array(similarity[kept].round(4), pa.float64()),
        "verified_by": pa.array([how[at] for at in kept], pa.string()),
    }
    return {"near_images": pa.table(columns)}
