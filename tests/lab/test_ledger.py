"""The ledger of an experiment: what ended is in it, whatever was cut off; the rest is done by processes."""

import os
from pathlib import Path

import pytest
from ledger import Ledger, carry_out, product_version

import sft_audit


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


def test_a_task_that_fails_takes_no_others_lines_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OMP_NUM_THREADS", "HF_HUB_OFFLINE", "TOKENIZERS_PARALLELISM"):
        monkeypatch.setenv(name, "before")
    ledger = Ledger(tmp_path / "result.jsonl")
    with pytest.raises(RuntimeError, match="1 of 4 tasks failed: 0: ZeroDivisionError"):
        carry_out([1, 0, 2, 3], inverses, ledger, 1, lambda line: None)
    assert ledger.keys() == {"1", "2", "3"}


def inverses(task: int) -> list[dict]:
    return [{"key": str(task), "inverse": 1 / task}]


def test_a_version_changes_with_a_file_and_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sft_audit, "__file__", str(tmp_path / "__init__.py"))
    found = []
    for name, text in (("a.py", "1"), ("a.py", "2"), ("deep/a.py", "2"), ("deep/a.txt", "2")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
        product_version.cache_clear()
        found.append(product_version())
    product_version.cache_clear()
    assert len(found[0]) == 12
    assert len(set(found)) == 3
    assert found[2] == found[3], "of Python files alone"


def squares(task: int) -> list[dict]:
    line = {"square": task**2, "threads": os.environ["OMP_NUM_THREADS"]}
    return [{"key": f"{task}-{half}"} | line for half in "ab"]
