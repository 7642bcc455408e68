"""The ledger of an experiment: what ended is in it, whatever was cut off; the rest is done by processes."""

import os
from pathlib import Path

import pytest
from ledger import Ledger, carry_out


def test_what_is_added_is_read_back(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "new" / "result.jsonl")
    assert ledger.lines() == []
    for key in ("a", "ü ✓\u2028"):
        ledger.add({"key": key, "gold": 0.1 + 0.2})
    assert ledger.lines() == [{"key": "a", "gold": 0.1 + 0.2}, {"key": "ü ✓\u2028", "gold": 0.1 + 0.2}]
    assert ledger.keys() == {"a", "ü ✓\u2028"}


@pytest.mark.parametrize("cut", [1, 4, 6, 13])
def test_a_line_that_was_cut_off_is_none_and_the_next_takes_its_place(cut: int, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "result.jsonl")
    ledger.add({"key": "whole"})
    ledger.add({"key": "cut ✓"})
    ledger.path.write_bytes(ledger.path.read_bytes()[:-cut])
    assert ledger.keys() == {"whole"}
    ledger.add({"key": "next"})
    assert [line["key"] for line in ledger.lines()] == ["whole", "next"]


def test_tasks_are_done_in_processes_and_entered_as_they_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OMP_NUM_THREADS", "HF_HUB_OFFLINE", "TOKENIZERS_PARALLELISM"):
        monkeypatch.setenv(name, "before")  # so that it is as it was, afterwards
    ledger, said = Ledger(tmp_path / "result.jsonl"), []
    carry_out([1, 2, 3], squares, ledger, 2, said.append)
    assert sorted(line["square"] for line in ledger.lines()) == [1, 1, 4, 4, 9, 9]
    assert said == ledger.lines()
    assert {line["threads"] for line in said} == {"1"}


def squares(task: int) -> list[dict]:
    line = {"square": task**2, "threads": os.environ["OMP_NUM_THREADS"]}
    return [{"key": f"{task}-{half}"} | line for half in "ab"]
