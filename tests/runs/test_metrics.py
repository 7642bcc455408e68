"""Logs of metrics: plain ones, tables and event files; cut off, damaged, begun anew, with nan."""

import json
import struct
from math import inf, isnan
from pathlib import Path

import pytest

from sft_audit.errors import AuditError
from sft_audit.runs import Metric, Unread, read_metrics
from sft_audit.runs.metric import all_metric_formats


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("one", all_metric_formats().values(), ids=lambda one: one.name)
def test_a_format_says_what_it_reads(one) -> None:
    assert one.title.endswith(".")


def test_plain_rows_hold_many_numbers_or_one(tmp_path: Path) -> None:
    log = written(
        tmp_path / "log.jsonl",
        '{"step": 1, "reward": 0.5, "good": true, "note": "x", "kl": {"mean": 0.1}}\n'
        '{"global_step": 2, "tag": "reward", "value": 1}\n'
        '{"_step": 3, "_timestamp": 17.5, "reward": NaN, "loss": "Infinity", "none": null}\n',
    )
    *found, last_reward, loss = read_metrics(log)
    assert found == [
        Metric(1, "reward", 0.5),
        Metric(1, "kl/mean", 0.1),
        Metric(2, "reward", 1.0),
        Metric(3, "_timestamp", 17.5),
    ]
    assert (last_reward.step, last_reward.name) == (3, "reward")
    assert isnan(last_reward.value)
    assert loss == Metric(3, "loss", inf)


def test_a_number_beyond_any_float_is_infinite(tmp_path: Path) -> None:
    log = written(tmp_path / "log.jsonl", f'{{"step": 1, "loss": -1{"0" * 400}}}\n')
    assert list(read_metrics(log)) == [Metric(1, "loss", -inf)]


def test_a_table_is_read_and_says_what_it_lacks(tmp_path: Path) -> None:
    log = written(tmp_path / "log.csv", "Step,reward,loss\n1,0.5,\n2,nan,1e-3\n3,1\nx,1,1\n")
    first, second, loss, short, lost = read_metrics(log)
    assert first == Metric(1, "reward", 0.5)
    assert isnan(second.value)
    assert loss == Metric(2, "loss", 0.001)
    assert short == Unread("log.csv", 4, "2 cells under 3 columns")
    assert (lost.line, lost.reason) == (5, "no step among its fields Step, reward, loss")


def test_a_damaged_line_is_told_and_the_rest_read(tmp_path: Path) -> None:
    log = written(
        tmp_path / "log.jsonl",
        '{"step": 1, "reward": 0.5}\n{"step": 2, "rew\n\n[3]\n{"reward": 1}\n{"step": 5, "reward": 1}\n'
        '{"step": 6',
    )
    first, cut, array, lost, last = read_metrics(log)
    assert (first, last) == (Metric(1, "reward", 0.5), Metric(5, "reward", 1.0))
    assert [one.line for one in (cut, array, lost)] == [2, 4, 5]
    assert cut.reason.startswith("not JSON")
    assert lost.reason == "no step among its fields reward"


def test_lines_are_counted_from_the_start_wherever_reading_begins(tmp_path: Path) -> None:
    text = '{"step": 1, "reward": 0.5}\n\n'
    log = written(tmp_path / "log.jsonl", text + '{"step": 2, oh}\n')
    (found,) = read_metrics(log, len(text))
    assert (found.file, found.line) == ("log.jsonl", 3)


def test_a_log_that_grows_while_it_is_read_is_read_to_its_last_whole_line(tmp_path: Path) -> None:
    log = written(tmp_path / "log.jsonl", '{"step": 0, "reward": 1}\n')
    reading = read_metrics(log)
    found = [next(reading)]
    with log.open("a") as file:
        file.write("".join(f'{{"step": {step}, "reward": 1}}\n' for step in range(1, 1000)) + '{"step": 10')
    found += reading
    assert [one.step for one in found] == list(range(1000))


def test_a_log_that_was_begun_anew_is_read_from_its_start(tmp_path: Path) -> None:
    log = written(tmp_path / "log.jsonl", '{"step": 1, "reward": 0.5}\n')
    assert list(read_metrics(log, 10_000)) == [Metric(1, "reward", 0.5)]


@pytest.mark.parametrize(
    "text", ["", "hello\n", '{"a": 1}\n', '{"prompt": "x", "completion": "y", "step": 1}\n']
)
def test_what_is_no_log_of_metrics_is_said_in_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(AuditError, match="no log of metrics; give "):
        read_metrics(written(tmp_path / "log.jsonl", text))


def test_a_file_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="no such file"):
        read_metrics(tmp_path / "log.jsonl")


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        ('[{"loss": 1.0}]', "an entry of log_history without a step"),
        ("[7]", "an entry of log_history without a step"),
        ('[{"step": 1', "the file breaks off, or is damaged, here"),
    ],
)
def test_a_state_says_what_cannot_be_read(tmp_path: Path, history: str, reason: str) -> None:
    state = written(tmp_path / "trainer_state.json", f'{{"global_step": 1,\n "log_history": {history}')
    (found, *_) = read_metrics(state)
    assert found == Unread("trainer_state.json", 2, reason)


def test_a_state_without_history_says_so(tmp_path: Path) -> None:
    state = written(tmp_path / "trainer_state.json", '{"global_step": 1, "log_hi')
    assert list(read_metrics(state)) == [
        Unread("trainer_state.json", 1, "no log_history in it; it may be cut off")
    ]


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """Three scalars by torch's own writer."""
    pytest.importorskip("tensorboard")
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    with tensorboard.SummaryWriter(str(tmp_path)) as writer:
        writer.add_scalar("critic/score/mean", 0.5, 1)
        writer.add_scalar("critic/score/mean", float("nan"), 2)
        writer.add_text("note", "not a number", 2)
        writer.add_scalar("actor/entropy", 0.25, 3, new_style=True)
    return next(tmp_path.glob("*tfevents*"))


@pytest.mark.filterwarnings("ignore")
def test_an_event_file_is_read_whole_and_as_it_grows(events: Path, tmp_path: Path) -> None:
    first, second, third = read_metrics(events)
    assert (first, third) == (Metric(1, "critic/score/mean", 0.5), Metric(3, "actor/entropy", 0.25))
    assert isnan(second.value)
    data = events.read_bytes()
    growing = tmp_path / "growing.tfevents.1"
    found, offset = list[Metric | Unread](), 0
    for end in range(len(data) + 1):
        growing.write_bytes(data[:end])
        reading = read_metrics(growing, offset)
        while True:
            try:
                found.append(next(reading))
            except StopIteration as done:
                offset = done.value
                break
    assert offset == len(data)
    assert list(map(repr, found)) == list(map(repr, [first, second, third]))


@pytest.mark.filterwarnings("ignore")
def test_a_damaged_record_is_told_and_one_that_hides_the_rest_too(events: Path) -> None:
    data = bytearray(events.read_bytes())
    second = 16 + int.from_bytes(data[:8], "little")
    data[second + 14] ^= 255
    events.write_bytes(data)
    damaged, *rest = read_metrics(events)
    assert damaged == Unread(events.name, 2, f"a record whose checksum is wrong (byte {second} of the file)")
    assert [one.step for one in rest] == [2, 3]
    data[second] ^= 255
    events.write_bytes(data)
    (only,) = read_metrics(events)
    assert only.line == 2
    assert "nothing behind it can be found" in only.reason


@pytest.mark.filterwarnings("ignore")
def test_a_record_that_is_no_event_is_told(events: Path) -> None:
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    head, body = struct.pack("<Q", 3), b"\xff\xff\xff"
    record = head + struct.pack("<I", masked_crc32c(head)) + body + struct.pack("<I", masked_crc32c(body))
    events.write_bytes(record + events.read_bytes())
    told, *rest = read_metrics(events)
    assert told == Unread(events.name, 1, "a record that is no event (byte 0 of the file)")
    assert len(rest) == 3


def test_a_line_beyond_the_limit_is_told_and_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sft_audit.runs.lines.ROW_LIMIT", 100)
    long = json.dumps({"step": 2, "note": "x" * 300})
    log = written(tmp_path / "log.jsonl", f'{{"step": 1, "r": 1}}\n{long}\n{{"step": 3, "r": 1}}\n{long}')
    first, unread, last = read_metrics(log)
    assert (first.step, unread.line, last.step) == (1, 2, 3)
