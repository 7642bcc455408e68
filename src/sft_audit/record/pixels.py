"""Every distinct image, opened and decoded once."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from sft_audit.readers.embedded import Origin, Slot
from sft_audit.record import Recording, store_all, table_recorder
from sft_audit.record.opened import (
    FILES,
    IMAGES,
    OPENED,
    Address,
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
        store.execute(f"create or replace table {name} ({typed})")
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


def _file_tasks(store: Store) -> Iterator[list[Address]]:
    """Yield the files in order of size: equal files have equal sizes, so their copies meet in one task."""
    found = "select place, path, n_bytes from pixel_files where problem is null order by n_bytes, place"
    task: list[Address] = []
    held, last = 0, -1
    for place, path, n_bytes in _each(store, found):
        full = len(task) >= _TASK_FILES or held >= _TASK_BYTES
        if task and ((full and n_bytes != last) or len(task) >= _TASK_MOST):
            yield task
            task, held = [], 0
        task.append(Address(place, path))
        held, last = held + n_bytes, n_bytes
    if task:
        yield task


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
        create or replace table pixel_found as
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
        ), once as (
            select distinct on (image_id) *
            from pixel_images
        )
        select once.*, uri
        from once
        join first_uses using (image_id)
        order by place
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
