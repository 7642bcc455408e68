"""The process pool."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sft_audit.engine import Engine


def square(n: int) -> int:
    return n * n


def threads(_: int) -> str:
    return os.environ["OMP_NUM_THREADS"]


def die(_: int) -> None:
    os._exit(9)


def test_results_come_back_in_order() -> None:
    with Engine(2) as engine:
        assert list(engine.map(square, range(50))) == [n * n for n in range(50)]


def test_one_worker_runs_here() -> None:
    with Engine(1) as engine:
        assert list(engine.map(lambda n: n + os.getpid() * 0, range(3))) == [0, 1, 2]


def test_a_worker_has_one_blas_thread() -> None:
    with Engine(2) as engine:
        assert set(engine.map(threads, range(4))) == {"1"}


def test_tasks_are_taken_as_results_are_used() -> None:
    taken = []
    with Engine(2) as engine:
        results = engine.map(square, (taken.append(n) or n for n in range(1000)))
        next(results)
        assert len(taken) <= 7
        results.close()


def test_a_worker_that_dies_raises() -> None:
    with pytest.raises(Exception, match=r"unexpectedly|terminated"), Engine(2) as engine:
        list(engine.map(die, range(2)))


def test_it_works_from_a_script_without_a_main_guard(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from sft_audit.engine import Engine\n"
        "import math\n"
        "with Engine(2) as engine:\n"
        "    print(list(engine.map(math.factorial, range(5))))\n"
    )
    shown = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=True)
    assert shown.stdout.strip() == "[1, 1, 2, 6, 24]"
