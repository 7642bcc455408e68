"""Logs of a long run, read in bounded memory: completions as verl dumps them, and its metrics.

python bench/run_logs.py [--gb 2] [--folder DIR]; prints a Markdown table. Each log is written to a folder of
its own, read in a process of its own, on one core, and deleted.
"""

import argparse
import json
import multiprocessing
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from sft_audit.logs import is_logged
from sft_audit.logs.container import log_chunks
from sft_audit.readers.file_bytes import FileBytes
from sft_audit.record.rollouts import _read_chunk
from sft_audit.runs import find_run, read_metrics

MIB = 1 << 20
THOUGHT = "I count the cubes \u2013 one, two. " * 70
NAMES = [
    f"{group}/{kind}/{which}" for group in ("critic", "actor") for kind in "abcd" for which in ("mean", "max")
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gb", type=float, default=2)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    print("| log | size, GB | lines | read | seconds | per second | MB/s | peak RSS, MiB | before, MiB |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, lines, read in (
        ("completions, a file", rollouts, read_rollouts),
        ("metrics, a file", metrics, read_numbers),
    ):
        with TemporaryDirectory(dir=arguments.folder) as folder:
            log = Path(folder, "experiment.jsonl")
            n_lines = write(log, lines(), arguments.gb * 1e9)
            n, seconds, peak, before = apart(read, log)
            size = log.stat().st_size / 1e9
        print(
            f"| {name} | {size:.2f} | {n_lines:,} | {n:,} | {seconds:.0f} | {n / seconds:,.0f} "
            f"| {size * 1000 / seconds:.0f} | {peak / MIB:.0f} | {before / MIB:.0f} |",
            flush=True,
        )


def rollouts() -> Iterator[dict]:
    """Yield rows as verl's `_write_generations` makes them, of 3 kB, 512 a step."""
    at = 0
    while True:
        yield {
            "input": f"user\nHow many cubes are left of ball {at % 97}? "
            + "Look closely. " * 20
            + "\nassistant\n",
            "output": f"<think>\n{THOUGHT}{at}\n</think>\n<answer>{at % 7}</answer>",
            "gts": str(at % 5),
            "score": float(at % 7 == at % 5),
            "step": at // 512,
            "acc": at % 7 == at % 5,
        }
        at += 1


def metrics() -> Iterator[dict]:
    """Yield lines as verl's file logger makes them, of 16 numbers."""
    step = 0
    while True:
        yield {"step": step, "data": dict.fromkeys(NAMES, step % 1000 / 997)}
        step += 1


def write(path: Path, rows: Iterator[dict], n_bytes: float) -> int:
    """Write rows until the file is that large; return how many there are."""
    n_lines = 0
    with path.open("wb") as file:
        while file.tell() < n_bytes:
            file.write(json.dumps(next(rows), ensure_ascii=False).encode() + b"\n")
            n_lines += 1
    return n_lines


def apart(read: Callable[[Path], int], path: Path) -> tuple[int, float, int, int]:
    """Return what was read in a process of its own, the seconds, and its memory at most and before, bytes."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measured, (read, path))


def measured(read: Callable[[Path], int], path: Path) -> tuple[int, float, int, int]:
    find_run(path)
    import pyarrow as pa  # noqa: F401 - what it takes to load is not what reading takes

    before = peak_rss()
    start = perf_counter()
    n = read(path)
    return n, perf_counter() - start, peak_rss(), before


def peak_rss() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def read_rollouts(path: Path) -> int:
    """Read completions as a recording does, a chunk after the other; return how many there are."""
    with FileBytes(path) as source:
        chunks = log_chunks(source, path.name, is_logged)
        return sum(_read_chunk((chunk, "image"))[1].num_rows for chunk in chunks)


def read_numbers(path: Path) -> int:
    """Return how many numbers a log of metrics holds."""
    return sum(1 for _ in read_metrics(path))


if __name__ == "__main__":
    main()
