"""TensorBoard event files."""

from collections.abc import Iterator
from pathlib import Path
from struct import unpack
from typing import Any, BinaryIO

from sft_audit.errors import AuditError
from sft_audit.readers import Content
from sft_audit.runs.metric import Metric, Reading, Unread, metric_format

_FRAME = 12  # of a record: its length in 8 bytes and their checksum in 4; 4 more behind it are its own
_RECORD_LIMIT = 1 << 30


def _matches(path: Path, row: Content | None) -> bool:  # noqa: ARG001 - the file is binary
    return "tfevents" in path.name


@metric_format("tensorboard", matches=_matches, priority=30)
def tensorboard(path: Path, offset: int) -> Reading:
    """TensorBoard's event files: the scalars, under their tags.

    It takes the package tensorboard, which is the extra `tensorboard`. It can be read from a byte offset, and
    a record that is still being written is left for the next time. Source: tensorflow/tensorboard
    `tensorboard/summary/writer/record_writer.py` and `tensorboard/compat/proto/event.proto`.
    """
    try:
        from google.protobuf.message import DecodeError
        from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c
    except ImportError:
        raise AuditError(
            f"{path}: reading event files takes tensorboard: pip install 'sft-audit[tensorboard]', or give "
            "trainer_state.json or a log in JSON Lines"
        ) from None
    start = offset
    with path.open("rb") as file:
        file.seek(start)
        while len(frame := file.read(_FRAME)) == _FRAME:
            length, checksum = unpack("<QI", frame)
            if masked_crc32c(frame[:8]) != checksum or length > _RECORD_LIMIT:
                yield _damaged(path, file, start, "no record, and nothing behind it can be found")
                break
            data, behind = file.read(length), file.read(4)
            if len(behind) < 4:
                break
            if masked_crc32c(data) == unpack("<I", behind)[0]:
                try:
                    yield from _scalars(data)
                except DecodeError:
                    yield _damaged(path, file, start, "a record that is no event")
            else:
                yield _damaged(path, file, start, "a record whose checksum is wrong")
            start += _FRAME + length + 4
    return start


def _scalars(data: bytes) -> Iterator[Metric]:
    """Yield the scalars of one event: simple values, or tensors of no dimension."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.util.tensor_util import make_ndarray

    event = Event.FromString(data)
    for one in event.summary.value:
        match one.WhichOneof("value"):
            case "simple_value":
                yield Metric(event.step, one.tag, one.simple_value)
            case "tensor" if not one.tensor.tensor_shape.dim:
                value: Any = make_ndarray(one.tensor)
                if value.dtype.kind in "fiu":
                    yield Metric(event.step, one.tag, float(value))


def _damaged(path: Path, file: BinaryIO, at: int, what: str) -> Unread:
    """Return what is wrong with the record at an offset, counted from the start; stay where we are."""
    here, number = file.tell(), 1
    file.seek(0)
    while file.tell() < at:
        file.seek(unpack("<Q", file.read(8))[0] + 8, 1)
        number += 1
    file.seek(here)
    return Unread(path.name, number, f"{what} (byte {at} of the file)")
