"""Rows per second and peak memory of the whole audit, beside the bare cost of parsing the same file.

python bench/rows.py [--rows 0.1 1 2] [--questions 1] (millions) [--memory 1GB]; prints a Markdown section.
`--memory` is DuckDB's limit; the peak is that of all processes together.
"""

import argparse
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

WORK = Path(__file__).parent / "scratch"
PROGRAM = [str(Path(sys.executable).parent / "sft-audit")]
COLOURS = ("red", "green", "blue", "yellow", "black", "white", "purple", "orange")
SHAPES = ("circle", "square", "triangle", "star", "ring")


@dataclass(frozen=True)
class Run:
    seconds: float
    peak_mib: float
    summary: dict


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=float, nargs="*", default=[0.1, 1, 2])
    parser.add_argument("--questions", type=float, nargs="*", default=[1])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--memory", default="1GB")
    arguments = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    print("| rows | kind | file | bare parse | audit | rows/s | peak memory | verdict |")
    print("|---|---|---|---|---|---|---|---|")
    for millions in arguments.rows:
        bench("text-only", int(millions * 1e6), text_row, arguments.memory)
    if arguments.questions:
        draw_images(arguments.images)
    for millions in arguments.questions:
        bench("image questions", int(millions * 1e6), question_row(arguments.images), arguments.memory)


def bench(kind: str, n: int, make: Callable[[int, np.random.Generator], dict], memory: str) -> None:
    path = WORK / f"{kind.replace(' ', '-')}-{n}.json"
    if not path.exists():
        write_rows(path, n, make)
    floor = bare_parse(path)
    run = audit(path, memory)
    assert run.summary["samples"] == n, run.summary
    size = f"{path.stat().st_size / 2**20:,.0f} MiB"
    print(
        f"| {n:,} | {kind} | {size} | {floor:.0f} s | {run.seconds:.0f} s | {n / run.seconds:,.0f} "
        f"| {run.peak_mib:,.0f} MiB | {run.summary['verdict']} |",
        flush=True,
    )


def text_row(number: int, rng: np.random.Generator) -> dict:
    question, answer = words(rng, 20), words(rng, 80)
    return {"id": f"t{number}", "source": f"chat-{number % 4}", "conversations": turns(question, answer)}


def question_row(images: int) -> Callable[[int, np.random.Generator], dict]:
    def make(number: int, rng: np.random.Generator) -> dict:
        image, colour, shape = int(rng.integers(images)), COLOURS[rng.integers(8)], SHAPES[rng.integers(5)]
        match number % 3:
            case 0:
                question, answer = f"Is there a {colour} {shape}?", ("Yes", "No")[rng.integers(2)]
            case 1:
                question, answer = f"What colour is the {shape} nearest to cell {rng.integers(999)}?", colour
            case _:
                question, answer = (
                    f"How many {colour} {shape}s are in row {rng.integers(999)}?",
                    str(rng.integers(9)),
                )
        return {
            "id": f"q{number}",
            "source": "drawn",
            "image": f"{image:06d}.jpg",
            "conversations": turns(f"<image>\n{question}", answer),
        }

    return make


def turns(question: str, answer: str) -> list[dict]:
    return [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]


def words(rng: np.random.Generator, n: int) -> str:
    return " ".join(VOCABULARY[i] for i in np.minimum(rng.zipf(1.3, n), len(VOCABULARY)) - 1)


VOCABULARY = ["".join(np.random.default_rng(i).choice(list("aeioulnrst"), 3 + i % 7)) for i in range(5000)]


def write_rows(path: Path, n: int, make: Callable[[int, np.random.Generator], dict]) -> None:
    rng = np.random.default_rng(0)
    with path.open("w") as file:
        file.write("[\n")
        for number in range(n):
            file.write(json.dumps(make(number, rng)) + (",\n" if number < n - 1 else "\n]\n"))


def draw_images(n: int) -> None:
    folder = WORK / "images"
    if folder.is_dir() and len(list(folder.iterdir())) >= n:
        return
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    for number in range(n):
        low, high = rng.integers(0, 256, (2, 3))
        ramp = np.linspace(0, 1, 240)[:, None, None] * np.ones((1, 320, 1))
        image = Image.fromarray((low + ramp * (high - low)).astype(np.uint8))
        pen = ImageDraw.Draw(image)
        for _ in range(15):
            x, y, w, h = rng.integers(0, 240, 4)
            fill = tuple(int(v) for v in rng.integers(0, 256, 3))
            pen.ellipse((int(x), int(y), int(x + w // 3 + 4), int(y + h // 3 + 4)), fill=fill)
        image.save(folder / f"{number:06d}.jpg", quality=90)


def bare_parse(path: Path) -> float:
    """Return the seconds that one process needs to parse every row and do nothing else."""
    started = time.perf_counter()
    with path.open() as file:
        for line in file:
            if line.startswith("{"):
                json.loads(line.rstrip(",\n"))
    return time.perf_counter() - started


def audit(path: Path, memory: str) -> Run:
    out = WORK / "audit"
    shutil.rmtree(out, ignore_errors=True)
    command = [*PROGRAM, "data", str(path), "--images", str(WORK / "images"), "-o", str(out), "--json"]
    command += ["--memory-limit", memory]
    (WORK / "images").mkdir(exist_ok=True)
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    peak = [0.0]
    done = threading.Event()
    watcher = threading.Thread(target=watch, args=(process.pid, peak, done))
    watcher.start()
    shown, _ = process.communicate()
    seconds = time.perf_counter() - started
    done.set()
    watcher.join()
    return Run(seconds, peak[0], json.loads(shown))


def watch(pid: int, peak: list[float], done: threading.Event) -> None:
    """Keep the largest proportional set size of the process and its children, in MiB."""
    while not done.wait(0.2):
        peak[0] = max(peak[0], sum(pss(one) for one in [pid, *children(pid)]) / 1024)


def children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            own = [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
        found += own + [grandchild for child in own for grandchild in children(child)]
    return found


def pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


if __name__ == "__main__":
    main()
