"""What a file holds, by the readers: its rows as read, and a way to make the readers' window small."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sft_audit.readers import Layout, file_bytes, json_array, json_lines
from sft_audit.readers.chunk import Row
from sft_audit.readers.detect import cut
from sft_audit.readers.file_bytes import FileBytes
from sft_audit.sample import Malformed, Problem


def read(path: Path, container: str = "json_array") -> tuple[list[Row | Malformed], list[Problem]]:
    rows: list[Row | Malformed] = []
    problems: list[Problem] = []
    with FileBytes(path) as source:
        for chunk in cut(source, path.name, Layout(container)):
            problems += chunk.problems
            found = list(chunk.rows())
            assert len(found) == chunk.n_rows
            rows += found
        source.finish()
    for row in rows:
        if isinstance(row, Row):
            problems += row.problems
    return rows, problems


def read_bytes(
    folder: Path, raw: bytes, container: str = "json_array"
) -> tuple[list[Row | Malformed], list[str]]:
    path = folder / "rows"
    path.write_bytes(raw)
    rows, problems = read(path, container)
    return rows, [one.kind for one in problems]


@contextmanager
def window(block: int, row_limit: int) -> Iterator[None]:
    """Shrink the reading block and the row limit, so that small files meet the edges of both."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (json_array, json_lines, file_bytes):
            patch.setattr(module, "BLOCK", block)
        for module in (json_array, json_lines):
            patch.setattr(module, "ROW_LIMIT", row_limit)
        yield


def llava(text: str = "A cat.", **fields: object) -> dict:
    turns = [{"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": text}]
    return {"id": "1", "image": "a.jpg", "conversations": turns, **fields}
