"""Images per second of the pixel pass and of the whole audit, beside the decode floor and beside other tools.

python bench/images.py [-n 20000] [--peers 4000] [--times 5]; prints Markdown sections.
Needs the real data sets beside the project. The floor reads the same files in the same processes and decodes
them to grey at the same scale, and does nothing else; floor and pass run in turn, and medians are compared.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import simplejpeg
from peers import PEERS, WORK, run_peer
from pictures import PLANTS, Picture, jpeg, photos, plant
from PIL import Image

from sft_audit import audit_data
from sft_audit.config import parse_config
from sft_audit.engine import Engine
from sft_audit.record import Recording, all_recorders
from sft_audit.record.decode import LONGEST
from sft_audit.store import Store

# The photos of two common kinds of set: longest side, from and to, and JPEG quality.
KINDS = {"small": (400, 640, 85), "of COCO's size": (640, 640, 95)}
TURNS = tuple(Image.Transpose)
CHECKED = ("INT102", "INT103", "INT108", "INT111", "DUP602")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=20_000)
    parser.add_argument(
        "--peers", type=int, default=4_000, help="images that the other tools get; 0 leaves them out"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--times", type=int, default=5)
    arguments = parser.parse_args()
    for kind in KINDS:
        print_speed(kind, arguments.n, arguments.workers, arguments.times)
    if arguments.peers:
        print_peers(arguments.peers, arguments.workers)


def print_speed(kind: str, n: int, workers: int, times: int) -> None:
    shortest, longest, quality = KINDS[kind]
    folder = WORK / f"photos-{longest}-{quality}-{n}"
    size = write_photos(folder, n, (shortest, longest), quality) / n
    rows = write_rows(folder)
    seconds: dict[str, list[float]] = {"decode floor": [], "pixel pass": [], "whole audit": []}
    with Engine(workers) as engine:
        run_floor(engine, folder)
        for _ in range(times):
            seconds["decode floor"].append(timed(partial(run_floor, engine, folder)))
            seconds["pixel pass"].append(run_pass(engine, rows, folder))
            seconds["whole audit"].append(timed(partial(run_audit, rows, folder, workers)))
    floor = statistics.median(seconds["decode floor"])
    print(f"## Images per second: {n:,} photos {kind}, {size / 1024:.0f} KiB each, {workers} processes\n")
    print(f"| | seconds, median of {times} | all | images/s | of the floor |")
    print("|---|---|---|---|---|")
    for name, taken in seconds.items():
        median = statistics.median(taken)
        every = ", ".join(f"{one:.2f}" for one in taken)
        print(f"| {name} | {median:.2f} | {every} | {n / median:,.0f} | {floor / median:.0%} |")
    print()


def run_floor(engine: Engine, folder: Path) -> None:
    paths = sorted(folder.glob("*.jpg"))
    for _ in engine.map(decode_alone, [paths[at : at + 256] for at in range(0, len(paths), 256)]):
        pass


def decode_alone(paths: Sequence[Path]) -> int:
    """Read and decode to grey at the scale of the pixel pass; return something small."""
    total = 0
    for path in paths:
        data = path.read_bytes()
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
        eighths = max(1, min(8, 8 * LONGEST // max(width, height)))
        least_height, least_width = -(-height * eighths // 8), -(-width * eighths // 8)
        total += simplejpeg.decode_jpeg(data, "GRAY", min_height=least_height, min_width=least_width).size
    return total


def run_pass(engine: Engine, rows: Path, images: Path) -> float:
    """Return the seconds of the recorder that opens the images: its SQL counts, reading the rows does not."""
    with TemporaryDirectory(dir=WORK) as folder:
        store = Store(Path(folder), "4GB", engine.workers)
        recording = Recording(store, engine, parse_config({"data": rows, "images": images}, "bench"))
        all_recorders()["samples"].run(recording)
        seconds = timed(partial(all_recorders()["pixels"].run, recording))
        store.close()
    return seconds


def run_audit(rows: Path, images: Path, workers: int) -> None:
    audit_data(rows, images=images, out=WORK / "audit-images", workers=workers)


def print_peers(n: int, workers: int) -> None:
    folder = WORK / f"peers-{n}"
    planted = write_peer_images(folder, n)
    rows = write_rows(folder)
    count = len(list(folder.glob("*.jpg")))
    print(f"## Beside other tools: the same {count:,} photos, {workers} processes, a process start each\n")
    print("| tool | seconds | images/s | " + " | ".join(PLANTS) + " | other pairs reported |")
    print("|---|---|---|" + "---|" * (len(PLANTS) + 1))
    for peer in PEERS:
        seconds, pairs = run_peer(peer, folder, workers)
        print_tool(peer.name, seconds, count, pairs, planted)
    seconds, pairs = run_ours(rows, folder, workers)
    print_tool("sft-audit, " + " ".join(CHECKED), seconds, count, pairs, planted)


def print_tool(
    name: str, seconds: float, count: int, pairs: set[frozenset[str]], planted: dict[str, set[frozenset[str]]]
) -> None:
    recalls = " | ".join(f"{len(pairs & wanted) / len(wanted):.3f}" for wanted in planted.values())
    others = sum(not same_photo(pair) for pair in pairs)
    print(f"| {name} | {seconds:.1f} | {count / seconds:,.0f} | {recalls} | {others} |")


def run_ours(rows: Path, images: Path, workers: int) -> tuple[float, set[frozenset[str]]]:
    """Return the seconds of the command line, process start included, and the pairs it found."""
    out = WORK / "audit-peers"
    program = Path(sys.executable).parent / "sft-audit"
    chosen = [part for code in CHECKED for part in ("--select", code)]
    command = [program, "data", rows, "--images", images, "-o", out, "--workers", str(workers), *chosen]
    seconds = timed(lambda: subprocess.run(command, check=False, capture_output=True))
    with duckdb.connect(str(out / "audit.duckdb"), read_only=True) as db:
        found = db.sql(
            """
            select a.uri, b.uri
            from near_images
            join images as a on a.image_id = image_a
            join images as b on b.image_id = image_b
            """
        ).fetchall()
    return seconds, {frozenset(pair) for pair in found}


def same_photo(pair: frozenset[str]) -> bool:
    return len({name.removesuffix(".jpg").partition("~")[0] for name in pair}) == 1


def timed(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def write_photos(folder: Path, n: int, sides: tuple[int, int], quality: int) -> int:
    """Write n windows of real photos, each another one; return their bytes."""
    if not folder.exists():
        folder.mkdir(parents=True)
        for number, image in enumerate(windows(n, sides)):
            (folder / f"{number:06}.jpg").write_bytes(jpeg(image, quality))
    return sum(path.stat().st_size for path in folder.glob("*.jpg"))


def windows(n: int, sides: tuple[int, int]) -> Iterator[Image.Image]:
    """Yield windows of 60 to 100 % of the photos' sides, the longest side brought between `sides` (px).

    Each is turned or mirrored at random: turned copies are other pictures, as those of a real set are.
    """
    rng = np.random.default_rng(0)
    sources = [Image.open(BytesIO(one.data)).convert("RGB") for one in (*photos("measure"), *photos("tune"))]
    for number in range(n):
        image = sources[number % len(sources)]
        width, height = (int(side * rng.uniform(0.6, 1)) for side in image.size)
        left, top = int(rng.integers(image.width - width + 1)), int(rng.integers(image.height - height + 1))
        window = image.crop((left, top, left + width, top + height))
        scale = rng.uniform(*sides) / max(window.size)
        window = window.transpose(TURNS[rng.integers(len(TURNS))])
        yield window.resize([round(side * scale) for side in window.size], Image.Resampling.BICUBIC)


def write_peer_images(folder: Path, n: int) -> dict[str, set[frozenset[str]]]:
    """Write whole photos, a copy of each kind of each, and tiles up to n; return the planted pairs."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    planted: dict[str, set[frozenset[str]]] = {how: set() for how in PLANTS}
    whole = [*photos("measure"), *photos("tune")]
    for one in whole:
        (folder / f"{one.name}.jpg").write_bytes(one.data)
        for how in PLANTS:
            copy = f"{one.name}~{how.replace('%', '')}.jpg"
            (folder / copy).write_bytes(plant(one, how).data)
            planted[how].add(frozenset((f"{one.name}.jpg", copy)))
    written = len(whole) * (1 + len(PLANTS))
    for number, tile in enumerate(quarters(whole, max(0, n - written))):
        (folder / f"tile-{number:05}.jpg").write_bytes(tile)
    return planted


def quarters(whole: Sequence[Picture], n: int) -> Iterator[bytes]:
    """Yield n tiles, 5 x 4 of a photo that do not overlap, each brought to 400 px."""
    cut = 0
    for one in whole:
        image = Image.open(BytesIO(one.data)).convert("RGB")
        width, height = image.width // 5, image.height // 4
        for at in range(20):
            if cut == n:
                return
            left, top = at % 5 * width, at // 5 * height
            tile = image.crop((left, top, left + width, top + height))
            yield jpeg(tile.resize((400, round(400 * height / width)), Image.Resampling.BICUBIC), 90)
            cut += 1


def write_rows(folder: Path) -> Path:
    """Write one question for each picture, in LLaVA rows."""
    rows = folder.with_suffix(".json")
    kinds = ("a dog", "a street", "a kitchen", "a train", "a person", "a boat", "a horse", "fruit")
    made = [
        {
            "id": path.stem,
            "image": path.name,
            "conversations": [
                {"from": "human", "value": f"<image>\nDoes the picture show {kinds[number % len(kinds)]}?"},
                {"from": "gpt", "value": ("Yes.", "No.")[number * 7 % 3 % 2]},
            ],
        }
        for number, path in enumerate(sorted(folder.glob("*.jpg")))
    ]
    rows.write_text(json.dumps(made))
    return rows


if __name__ == "__main__":
    main()
