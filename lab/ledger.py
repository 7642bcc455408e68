"""A ledger of runs: a JSON line each, appended as they end; an experiment goes on where it stopped."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import sft_audit

T = TypeVar("T")
Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ledger:
    """A file of lines; a line's `key` names its run."""

    path: Path

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines, none if there is no file; a line cut off in writing is left out."""
        if not self.path.is_file():
            return []
        return [json.loads(line) for line in self._whole().splitlines() if line]

    def keys(self) -> frozenset[str]:
        """Return the keys of the runs that ended."""
        return frozenset(line["key"] for line in self.lines())

    def add(self, line: Line) -> None:
        """Append a line, in the place of one that was cut off."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.truncate(len(self._whole()))
            file.write((json.dumps(line, ensure_ascii=False) + "\n").encode())

    def _whole(self) -> bytes:
        """Return the file up to the end of its last whole line."""
        written = self.path.read_bytes()
        return written[: written.rfind(b"\n") + 1]


@cache
def product_version() -> str:
    """Return a digest of the product's source, so that lines of different versions can be told apart.

    BLAKE2b of the Python files of `sft_audit`, each by its path and bytes, in 12 hexadecimal digits.
    """
    folder, digest = Path(sft_audit.__file__).parent, blake2b(digest_size=6)
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def carry_out(
    tasks: Sequence[T],
    work: Callable[[T], list[Line]],
    ledger: Ledger,
    jobs: int,
    say: Callable[[Line], None],
) -> None:
    """Do the tasks in `jobs` processes of one thread each, and enter the lines that each returns.

    A task that fails takes no other's lines with it: RuntimeError names those that failed, at the end.
    """
    os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    failed: dict[str, BaseException] = {}
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        todo = {pool.submit(work, task): task for task in tasks}
        for done in as_completed(todo):
            if fault := done.exception():
                failed[str(todo[done])] = fault
                continue
            for line in done.result():
                ledger.add(line)
                say(line)
    if failed:
        told = "; ".join(f"{task}: {fault!r}" for task, fault in failed.items())
        said = f"{len(failed)} of {len(tasks)} tasks failed: {told}"
        raise RuntimeError(said) from next(iter(failed.values()))
