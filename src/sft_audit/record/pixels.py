"""Every distinct image, opened and decoded once."""

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any

from sft_audit.readers.embedded import Origin, Slot
from sft_audit.record import Recording, store_all, table_recorder
from sft_audit.record.opened import (
    FILES,
    IMAGES,
    OPENED,
    Addresses,
    Carried,
    find_files,
    open_carried,
    open_files,
)
from sft_audit.store import Store

_ADDRESSES = 4096
_TASK_FILES = 256
_TASK_BYTES = 64 << 20
_TASK_MOST = 4096  # files of one size that one task takes; a copy beyond them is decoded a second time
_TASK_SLOTS = 128
_SQL_TYPES = {
    "int64": "BIGINT",
    "int32": "INTEGER",
    "uint64": "UBIGINT",
    "float64": "DOUBLE",
    "string": "VARCHAR",
    "binary": "BLOB",
    "bool": "BOOLEAN",
}


@table_recorder(fills=("images",), needs=("files", "samples", "image_uses"), cost="decode")
def pixels(recording: Recording) -> None:
    """Open every address once, decode every distinct image once, and say of each use what was found."""
    store, engine, config = recording.store, recording.engine, recording.config
    estimate = config.image_tokens
    for name, columns in (("pixel_files", FILES), ("pixel_opened", OPENED), ("pixel_images", IMAGES)):
        typed = ", ".join(f"{column} {_SQL_TYPES[kind]}" for column, kind in columns.items())
        temp = "" if columns is FILES else "temp"  # what another cursor reads cannot be temporary
        store.execute(f"create or replace {temp} table {name} ({typed})")
    _number_addresses(store, str(config.images) if config.images else None)
    addresses = "select place, root, uri from pixel_places where root is not null order by place"
    store_all(recording, engine.map(find_files, store.batches(addresses, _ADDRESSES)))
    store_all(recording, engine.map(partial(open_files, estimate), _file_tasks(store)))
    store_all(recording, engine.map(partial(open_carried, estimate), _carried_tasks(store)))
    _settle(store)
    for name in ("roots", "places", "files", "opened", "images", "found"):
        store.execute(f"drop table pixel_{name}")


def _number_addresses(store: Store, root: str | None) -> None:
    """Write down the distinct addresses in the order of first use; bytes inside a row have no root.

    Addresses are relative to `root`, or to the folder of the data file where none is given.
    """
    store.execute(
        """
        create or replace table pixel_roots as
        select file, coalesce($root, regexp_replace(path, '[^/]*$', '')) as root
        from files
        """,
        {"root": root},
    )
    store.execute(
        """
        create or replace table pixel_places as
        with uses as (
            select
                uri,
                case when uri <> 'embedded' then root end as root,
                case when uri = 'embedded' then sample_id end as sample_id,
                case when uri = 'embedded' then slot end as slot,
                row(samples.file, position, image_uses.slot) as used
            from image_uses
            join samples using (sample_id)
            join pixel_roots on pixel_roots.file = samples.file
            where uri is not null
        )
        select row_number() over (order by min(used)) as place, root, uri, sample_id, slot
        from uses
        group by root, uri, sample_id, slot
        """
    )


def _file_tasks(store: Store) -> Iterator[Addresses]:
    """Yield the files in order of size: equal files have equal sizes, so their copies meet in one task.

    A running total whose window takes in all rows of one size is the same for all of them.
    """
    import numpy as np

    found = """
        select
            place,
            path,
            ((count(*) over by_size + (sum(n_bytes) over by_size) // $bytes) // $files)::bigint as task
        from pixel_files
        where problem is null
        window by_size as (order by n_bytes)
        order by task, n_bytes, place
    """
    limits = {"files": _TASK_FILES, "bytes": _TASK_BYTES // _TASK_FILES}
    held = Addresses([], [])
    last = -1
    for batch in store.batches(found, _TASK_MOST, limits):
        places, paths, tasks = batch["place"].to_pylist(), batch["path"].to_pylist(), batch["task"].to_numpy()
        ends = [*(np.flatnonzero(np.diff(tasks)) + 1).tolist(), len(tasks)]
        for start, end in pairwise([0, *ends]):
            if held.places and (tasks[start] != last or len(held.places) >= _TASK_MOST):
                yield held
                held = Addresses([], [])
            held = Addresses(held.places + places[start:end], held.paths + paths[start:end])
            last = tasks[start]
    if held.places:
        yield held


def _carried_tasks(store: Store) -> Iterator[Carried]:
    """Yield the images inside rows, neighbours of one file together."""
    carried = """
        select
            files.path, container, files.format, layout,
            place, position, pixel_places.slot, byte_offset, samples.n_bytes
        from pixel_places
        join samples using (sample_id)
        join files on files.file = samples.file
        where root is null
        order by place
    """
    origin: Origin | None = None
    places: list[int] = []
    slots: list[Slot] = []
    for *file, place, position, slot, byte_offset, n_bytes in _each(store, carried):
        if origin is not None and (Origin(*file) != origin or len(slots) == _TASK_SLOTS):
            yield Carried(origin, tuple(places), tuple(slots))
            places, slots = [], []
        origin = Origin(*file)
        places.append(place)
        slots.append(Slot(position, slot, byte_offset, n_bytes))
    if origin is not None:
        yield Carried(origin, tuple(places), tuple(slots))


def _each(store: Store, query: str) -> Iterator[tuple[Any, ...]]:
    for batch in store.batches(query, _ADDRESSES):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _settle(store: Store) -> None:
    """Write each distinct image under its first address, and what was found at every use."""
    store.execute(
        """
        create or replace temp table pixel_found as
        select place, root, uri, sample_id, slot, opened.image_id, opened.problem, opened.detail
        from pixel_places
        join (
            select place, image_id, problem, detail from pixel_opened
            union all
            select place, null, problem, detail from pixel_files where problem is not null
        ) as opened using (place)
        """
    )
    store.execute(
        """
        insert into images by name
        with first_uses as (
            select image_id, min(place) as place, arg_min(uri, place) as uri
            from pixel_found
            where image_id is not null
            group by image_id
        ), decoded_once as (
            select image_id, min(place) as decoded_at
            from pixel_images
            group by image_id
        )
        select pixel_images.* exclude (place), uri
        from pixel_images
        join decoded_once on pixel_images.place = decoded_at
        join first_uses on first_uses.image_id = pixel_images.image_id
        order by first_uses.place
        """
    )
    store.execute(
        """
        update image_uses
        set image_id = found.image_id, problem = found.problem, detail = found.detail
        from pixel_found as found
        where found.root is null and found.sample_id = image_uses.sample_id and found.slot = image_uses.slot
        """
    )
    store.execute(
        """
        update image_uses
        set image_id = found.image_id, problem = found.problem, detail = found.detail
        from pixel_found as found
        join pixel_roots using (root)
        join samples using (file)
        where samples.sample_id = image_uses.sample_id and found.uri = image_uses.uri
        """
    )
