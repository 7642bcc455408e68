"""Logs that verl, ms-swift, EasyR1 and LLaMA-Factory wrote themselves: see fixtures/README.md."""

from collections.abc import Iterator
from math import isnan
from pathlib import Path

import pytest

from sft_audit.logs import Logged, is_logged, read_logged
from sft_audit.logs.container import log_chunks
from sft_audit.readers.chunk import Row
from sft_audit.readers.file_bytes import FileBytes
from sft_audit.runs import Metric, find_run, read_metrics
from sft_audit.runs.names import canonical
from sft_audit.sample import Malformed

FIXTURES = Path(__file__).parent / "fixtures"


def read(path: Path) -> dict[str, list[tuple[int, float]]]:
    """Return what a log says under every name that is known."""
    found: dict[str, list[tuple[int, float]]] = {}
    for one in read_metrics(path):
        assert isinstance(one, Metric)
        found.setdefault(canonical(one.name) or one.name, []).append((one.step, one.value))
    return found


def sampled(path: Path) -> Iterator[Logged | str]:
    """Yield the completions of a log, and the reasons of what cannot be read."""
    with FileBytes(path) as source:
        for chunk in log_chunks(source, path.name, is_logged):
            for row in chunk.rows():
                match row:
                    case Row():
                        yield from read_logged(row.content)
                    case Malformed():
                        yield row.reason


def test_verl() -> None:
    found = find_run(FIXTURES / "verl")
    assert found.rollouts == tuple(FIXTURES / "verl" / "rollouts" / f"{step}.jsonl" for step in (9, 10))
    assert found.validations == tuple(FIXTURES / "verl" / "validation" / f"{step}.jsonl" for step in (9, 10))
    assert found.metrics == (FIXTURES / "verl" / "experiment.jsonl",)
    logged = read(found.metrics[0])
    assert logged["reward"] == [(9, 0.45), (10, 0.5)]
    assert logged["gold_accuracy"] == [(9, 0.5), (10, 0.5)]
    assert logged["step_time"] == [(9, 3.5), (10, 3.5)]
    assert logged["entropy"][0] == (9, 0.7)
    assert isnan(logged["entropy"][1][1]), "verl writes nan as null"
    assert isnan(logged["loss"][1][1])
    said = list(sampled(found.rollouts[1]))
    asked = "user\nWhich colour?\nassistant\n"
    assert said[0] == Logged(asked, "red", "red", 1.0, None, 10, parts=(("acc", 1.0),))
    assert [one.reward for one in said] == [1.0, 0.0, None, 1.0]
    assert said[2].problem == "the reward is nan"


def test_swift() -> None:
    found = find_run(FIXTURES / "swift")
    assert found.rollouts == (FIXTURES / "swift" / "completions.jsonl",)
    assert found.metrics == (FIXTURES / "swift" / "logging.jsonl",)
    logged = read(found.metrics[0])
    for name, values in {
        "reward": [(5, 0.25), (10, 0.5)],
        "zero_std_groups": [(5, 0.25), (10, 0.25)],
        "entropy": [(5, 0.7), (10, 0.7)],
        "kl": [(5, 0.001), (10, 0.001)],
        "clip_high": [(5, 0.01), (10, 0.01)],
        "reward/Accuracy": [(5, 0.25), (10, 0.5)],
    }.items():
        assert logged[name] == values, name
    assert [isnan(value) for _, value in logged["reward/Observer"]] == [True, True]
    said = list(sampled(found.rollouts[0]))
    assert [one.step for one in said] == [5] * 4 + [10] * 4
    assert [one.reward for one in said] == [1.0, 0.0, 1.0, 1.0] * 2


def test_easyr1() -> None:
    found = find_run(FIXTURES / "easyr1")
    assert found.rollouts == ()
    assert found.validations == (FIXTURES / "easyr1" / "generations.log",)
    logged = read(found.metrics[0])
    assert logged["reward"] == [(1, 0.25), (2, 0.5)]
    assert logged["reward/accuracy"] == [(1, 0.25), (2, 0.5)]
    assert logged["gold_accuracy"] == [(1, 0.125), (2, 0.25)]
    assert logged["eval_reward"] == [(1, 0.2), (2, 0.4)]
    assert logged["policy_clip"] == [(1, 0.01), (2, 0.01)]
    assert isnan(logged["entropy"][1][1])
    said = list(sampled(found.validations[0]))
    colour, many, where = said[:3]
    assert said[3:5] == [colour, many]
    assert colour == Logged(
        "user\nWhich colour?\nassistant\n", "<think>\n[score] 1.0\n\n</think>red", "red", 1.0
    )
    assert (many.completion, many.gold, many.reward) == ("two\n\nof them", "2", 0.0)
    assert (where.completion, where.reward, where.problem) == ("", None, "the reward is nan")


@pytest.mark.parametrize("n_bytes", [1, 20, 40])
def test_generations_that_break_off_lose_the_last(tmp_path: Path, n_bytes: int) -> None:
    whole = FIXTURES / "easyr1" / "generations.log"
    cut = tmp_path / "generations.log"
    cut.write_bytes(whole.read_bytes()[:-n_bytes])
    *before, last = sampled(cut)
    assert before == list(sampled(whole))[:-1]
    assert last == "no [prompt], [output], [ground_truth] and [score] in this order; it may be cut off"


def test_a_record_beyond_the_limit_is_told_and_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sft_audit.logs.easyr1.ROW_LIMIT", 100)
    record = "[prompt] Which?\n[output] {}\n[ground_truth] red\n[score] 1.0\n\n"
    log = tmp_path / "generations.log"
    log.write_text(record.format("red") + record.format("red\n" * 100) + record.format("blue"))
    first, told, last = sampled(log)
    assert (first.completion, last.completion) == ("red", "blue")
    assert "this one is larger" in told


def test_llamafactory() -> None:
    found = find_run(FIXTURES / "llamafactory")
    assert found.rollouts == ()
    logged = read(found.metrics[0])
    assert logged.keys() == {"loss", "preference_accuracy", "learning_rate", "epoch"}
    assert logged["preference_accuracy"] == [(5, 0.5), (10, 1.0)]
    assert logged["loss"][0] == (5, 0.69)
    assert isnan(logged["loss"][1][1])


@pytest.mark.parametrize(
    "file",
    [
        "verl/experiment.jsonl",
        "swift/logging.jsonl",
        "easyr1/experiment_log.jsonl",
        "llamafactory/trainer_log.jsonl",
    ],
)
def test_a_log_that_grows_byte_by_byte_is_read_once(tmp_path: Path, file: str) -> None:
    data = (FIXTURES / file).read_bytes()
    growing = tmp_path / Path(file).name
    found, offset = list[object](), 0
    for end in range(data.index(b"\n") + 1, len(data) + 1, 7):
        growing.write_bytes(data[:end])
        offset = read_on(growing, offset, found)
    growing.write_bytes(data)
    assert read_on(growing, offset, found) == len(data)
    assert list(map(repr, found)) == list(map(repr, read_metrics(FIXTURES / file)))


def read_on(path: Path, offset: int, found: list[object]) -> int:
    reading = read_metrics(path, offset)
    while True:
        try:
            found.append(next(reading))
        except StopIteration as end:
            return end.value
