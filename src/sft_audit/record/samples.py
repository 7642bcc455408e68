"""The rows of the data set, as samples, turns and image slots."""

from collections.abc import Iterable, Iterator
from typing import Any

from sft_audit.readers import Layout
from sft_audit.readers.chunk import Chunk
from sft_audit.readers.detect import Reading, cut, detect
from sft_audit.readers.embedded import write_layout
from sft_audit.readers.file_bytes import FileBytes
from sft_audit.readers.inputs import find_inputs
from sft_audit.record import Recording, store_all, table_recorder
from sft_audit.record.draw import keep_sample
from sft_audit.store import Store


@table_recorder(fills=("files", "samples", "problems", "turns", "image_uses"))
def samples(recording: Recording) -> None:
    """Read every row of every file, then keep a sample of them if one was asked for."""
    config, store = recording.config, recording.store
    for reading in [detect(one, config.format) for one in find_inputs(config.data)]:
        _read_file(recording, reading)
    _account(store)
    _number_occurrences(store)
    if config.sample is not None:
        _draw(store, config.sample, config.seed)


def _read_file(recording: Recording, reading: Reading) -> None:
    """Read one file whole, or raise."""
    from sft_audit.readers.batch import read_chunk

    file = reading.input.file
    rows = 0

    def tasks() -> Iterator[tuple[Chunk, str, Layout]]:
        nonlocal rows
        for chunk in cut(source, file, reading.layout, reading.format):
            rows += chunk.n_rows
            yield chunk, reading.format, reading.layout

    with FileBytes(reading.input.path) as source:
        store_all(recording, _in_order(recording.engine.map(read_chunk, tasks()), file))
        content_hash = source.finish()
    recording.store.execute(
        """
        insert into files by name
        select
            $file as file,
            $path as path,
            $format as format,
            $container as container,
            $n_bytes as n_bytes,
            $content_hash as content_hash,
            $rows as rows,
            coalesce(count_if(malformed), 0) as malformed,
            $rows as audited,
            $layout as layout
        from samples
        where file = $file
        """,
        {
            "file": file,
            "path": str(reading.input.path),
            "format": reading.format,
            "container": reading.layout.container,
            "n_bytes": source.size,
            "rows": rows,
            "content_hash": content_hash,
            "layout": write_layout(reading.layout),
        },
    )


def _in_order(results: Iterable[dict[str, Any]], file: str) -> Iterator[dict[str, Any]]:
    """Pass the results on; raise where their rows do not follow one another."""
    last = 0
    for batches in results:
        positions = batches["samples"]["position"]
        if len(positions):
            if positions[0].as_py() <= last:
                raise RuntimeError(f"{file}: position {positions[0]} comes after {last}")
            last = positions[-1].as_py()
        yield batches


def _number_occurrences(store: Store) -> None:
    """Count the rows of equal content in order; every row stands as the first one until then."""
    store.execute(
        """
        update samples
        set occurrence = numbered.occurrence
        from (
            select sample_id, row_number() over (partition by row_hash order by file, position) as occurrence
            from samples
            where hash(row_hash) in (select hash(row_hash) from samples group by 1 having count(*) > 1)
        ) as numbered
        where samples.sample_id = numbered.sample_id and numbered.occurrence > 1
        """
    )


def _account(store: Store) -> None:
    """Raise where the table does not hold every row that was cut out of the files, and each once."""
    wrong = store.rows(
        """
        select file, rows, held, last
        from files
        left join (
            select file, count(*) as held, max(position) as last
            from samples
            group by file
        ) using (file)
        where coalesce(held, 0) <> rows
            or container <> 'json_lines' and coalesce(last, 0) <> rows
        """
    )
    if wrong:
        raise RuntimeError(f"rows lost or doubled (file, rows cut out, in the table, last): {wrong}")


def _draw(store: Store, size: int, seed: int) -> None:
    """Keep a sample of the readable rows where there are more; raise where it has another size."""
    readable = "select count(*) from samples where not malformed"
    if size < store.value(readable):
        keep_sample(store, size, seed)
        if (kept := store.value(readable)) != size:
            raise RuntimeError(f"{kept} rows drawn, asked for {size}")
