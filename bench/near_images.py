"""Recall and precision of near-duplicate images, and the false pairs to expect among a million.

python bench/near_images.py [-n 20000] [--half measure]; prints a Markdown section. Needs the real data sets
beside the project. The thresholds were chosen on the half `tune`, which shares no photo, scan or drawn scene
with the half `measure`.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from peers import easy_vqa
from pictures import PLANTS, Picture, distinct, plant
from scipy.stats import chi2

from sft_audit.config import parse_config
from sft_audit.engine import Engine
from sft_audit.interval import wilson
from sft_audit.record import Recording
from sft_audit.record.decode import decode
from sft_audit.record.grey import look, measures
from sft_audit.record.near_images import find_candidates, near_images
from sft_audit.store import Store

MILLION = 1_000_000


@dataclass(frozen=True)
class Found:
    """The pairs of names that were reported among some pictures, and how many candidates were verified."""

    pairs: frozenset[frozenset[str]]
    candidates: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=20_000)
    parser.add_argument("--half", choices=("tune", "measure"), default="measure")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    pictures = distinct(arguments.n, arguments.half, easy_vqa())
    photos = [one for one in pictures if one.kind == "photo"]
    crops = [one for one in pictures if one.kind == "photographic crop" and "-256-" in one.name][:300]
    with Engine(arguments.workers) as engine:
        shown = features(engine, pictures)
        print(f"## Near-duplicate images: {len(pictures):,} distinct pictures\n")
        alone = search(engine, shown)
        kinds = {one.name: one.kind for one in pictures}
        print_recall(engine, shown, photos, crops, alone)
        print_kinds(engine, shown, kinds, alone)
        print_growth(engine, shown)


def print_recall(
    engine: Engine, shown: pa.Table, photos: Sequence[Picture], crops: Sequence[Picture], alone: Found
) -> None:
    """Plant copies of one kind at a time; whatever is reported and was not planted counts as wrong."""
    print("| planted | of whole photos | 95 % interval | of 256 px crops | 95 % interval |")
    print("|---|---|---|---|---|")
    right, wrong = 0, len(alone.pairs)
    for how in PLANTS:
        cells = []
        for sources in (photos, crops):
            copies = list(engine.map(partial(plant, how=how), sources))
            found = search(engine, pa.concat_tables([shown, features(engine, copies)])).pairs
            wanted = {frozenset((one.name, copy.name)) for one, copy in zip(sources, copies, strict=True)}
            k, n = len(found & wanted), len(wanted)
            low, high = wilson(k, n)
            cells.append(f"{k} of {n} = {k / n:.3f} | {low:.3f} to {high:.3f}")
            right += k
            wrong += len(found - wanted - alone.pairs)
        print(f"| {how} | {' | '.join(cells)} |")
    share, (low, high) = right / (right + wrong), wilson(right, right + wrong)
    print(f"\nPrecision of all pairs reported: {right:,} of {right + wrong:,} = {share:.4f}", end="")
    print(f" (95 % interval {low:.4f} to {high:.4f}).\n")


def print_kinds(engine: Engine, shown: pa.Table, kinds: dict[str, str], alone: Found) -> None:
    print(
        "| pictures | n | candidates | false pairs | expected among a million of the kind | 95 % interval |"
    )
    print("|---|---|---|---|---|---|")
    names = shown["image_id"].to_pylist()
    for kind, n in Counter(kinds.values()).most_common():
        if n < 100:
            continue
        found = search(engine, shown.filter(pa.array([kinds[name] == kind for name in names])))
        print_row(kind, n, found)
    print_row("all together", len(names), alone)
    print(
        "\nFalse pairs: "
        + "; ".join(" and ".join(sorted(pair)) for pair in sorted(alone.pairs, key=sorted)[:40])
        + "\n"
    )


def print_row(kind: str, n: int, found: Found) -> None:
    """Print the pairs to expect when their number grows with the square of the number of pictures."""
    k, growth = len(found.pairs), (MILLION / n) ** 2
    low = chi2.ppf(0.025, 2 * k) / 2 * growth if k else 0
    high = chi2.ppf(0.975, 2 * k + 2) / 2 * growth
    print(f"| {kind} | {n:,} | {found.candidates:,} | {k} | {k * growth:,.0f} | {low:,.0f} to {high:,.0f} |")


def print_growth(engine: Engine, shown: pa.Table) -> None:
    print("| drawn from all | candidates | per thousand pairs | false pairs |")
    print("|---|---|---|---|")
    order = np.random.default_rng(0).permutation(shown.num_rows)
    for share in (8, 4, 2, 1):
        n = shown.num_rows // share
        found = search(engine, shown.take(np.sort(order[:n])))
        rate = 2000 * found.candidates / n / (n - 1)
        print(f"| {n:,} | {found.candidates:,} | {rate:.3f} | {len(found.pairs)} |")
    print("\nNo more than 16 candidates a picture are verified: both grow more slowly than the square.")


def features(engine: Engine, pictures: Sequence[Picture]) -> pa.Table:
    """Return what the pixel pass keeps of each picture and the comparison needs."""
    chunks = [pictures[at : at + 64] for at in range(0, len(pictures), 64)]
    return pa.concat_tables(list(engine.map(look_at, chunks)))


def look_at(pictures: Sequence[Picture]) -> pa.Table:
    made = measures([look(decode(one.data).grey) for one in pictures])
    names = [one.name for one in pictures]
    return pa.table(
        {
            "image_id": names,
            "phash": pa.array(made["phash"], pa.uint64()),
            "thumbnail": pa.array(made["thumbnail"], pa.binary()),
        }
    )


def search(engine: Engine, shown: pa.Table) -> Found:
    with TemporaryDirectory() as folder:
        store = Store(Path(folder), "4GB", engine.workers)
        store.insert("images", shown)
        find_candidates(store, engine)
        candidates = store.value("select count(*) from near_candidates")
        near_images(Recording(store, engine, parse_config({"data": "none"}, "bench")))
        pairs = store.rows("select image_a, image_b from near_images")
        store.close()
    return Found(frozenset(frozenset(pair) for pair in pairs), candidates)


if __name__ == "__main__":
    main()
