"""The rows of the data set, as samples, turns and image slots."""

from sft_audit.readers.detect import Reading, cut, detect
from sft_audit.readers.embedded import write_layout
from sft_audit.readers.file_bytes import FileBytes
from sft_audit.readers.inputs import find_inputs
from sft_audit.record import Recording, store_all, table_recorder


@table_recorder(fills=("files", "samples", "problems", "turns", "image_uses"))
def samples(recording: Recording) -> None:
    """Read every row of every file."""
    config, store = recording.config, recording.store
    readings = [detect(one, config.format) for one in find_inputs(config.data)]
    store.execute("delete from samples")
    for reading in readings:
        _read_file(recording, reading)
    _count_occurrences(recording)


def _read_file(recording: Recording, reading: Reading) -> None:
    """Read one file whole, or raise."""
    from sft_audit.readers.batch import read_chunk

    with FileBytes(reading.input.path) as source:
        tasks = (
            (chunk, reading.format, reading.layout)
            for chunk in cut(source, reading.input.file, reading.layout)
        )
        store_all(recording, recording.engine.map(read_chunk, tasks))
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
                count(*) as rows,
                count_if(malformed) as malformed,
                count(*) as audited,
                $layout as layout
            from samples
            where file = $file
            """,
            {
                "file": reading.input.file,
                "path": str(reading.input.path),
                "format": reading.format,
                "container": reading.layout.container,
                "n_bytes": source.size,
                "content_hash": content_hash,
                "layout": write_layout(reading.layout),
            },
        )


def _count_occurrences(recording: Recording) -> None:
    recording.store.execute(
        """
        update samples
        set occurrence = counted.occurrence
        from (
            select sample_id, row_number() over (partition by row_hash order by file, position) as occurrence
            from samples
            where row_hash in (select row_hash from samples group by row_hash having count(*) > 1)
        ) as counted
        where samples.sample_id = counted.sample_id
        """
    )
