"""What the blind probe finds, what it makes of answers that mean nothing, and what it costs.

python bench/blind.py [shuffled] [planted] [calibration] [time] [--seeds 20]; prints Markdown.

The tables are filled directly, so that the probe alone is measured. Worlds are drawn from numbered seeds.
"""

import argparse
import json
import resource
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa

from sft_audit.check import Tables, find_check
from sft_audit.config import AuditConfig
from sft_audit.engine import Engine
from sft_audit.record import Recording, all_recorders
from sft_audit.store import Store

COLOURS = ("red", "green", "blue", "yellow", "orange", "purple", "brown", "black", "white", "grey")
THINGS = ("car", "dog", "cat", "ball", "chair", "cup", "kite", "bus", "boat", "bird", "table", "hat")
SPACES = {
    "yes/no": ("yes_no", ("yes", "no"), (0.5, 0.5), "Is the {} to the left of the {}?"),
    "yes/no 80:20": ("yes_no", ("yes", "no"), (0.8, 0.2), "Is the {} to the left of the {}?"),
    "10 colours": ("colour", COLOURS, (0.1,) * 10, "What colour is the {} beside the {}?"),
    "5 counts": (
        "count",
        ("1", "2", "3", "4", "5"),
        (0.4, 0.3, 0.15, 0.1, 0.05),
        "How many {}s face the {}?",
    ),
}
LEAKS = ("file name", "id", "caption")


@dataclass(frozen=True)
class World:
    """n questions, `per_image` about each image; `leak` names the answer in a share of the images or rows.

    A habit gives each thing asked about a favourite answer, which that share of its questions have.
    """

    n: int
    space: str = "yes/no"
    per_image: int = 1
    leak: str | None = None
    share: float = 0.9
    habit: float = 0.0
    sources: int = 2
    seed: int = 0
    shuffled: bool = False
    first: int = 0


@dataclass(frozen=True)
class Outcome:
    rates: list[dict]
    fields: list[dict]
    blind: pa.Table
    flagged: set[str]
    leaking: list[dict]
    told: set[str] = field(default_factory=set)
    seconds: float = 0.0
    cpu_seconds: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["shuffled", "planted", "calibration", "time"])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--millions", type=float, default=1.0)
    arguments = parser.parse_args()
    if "shuffled" in arguments.parts:
        shuffled(arguments.seeds)
    if "planted" in arguments.parts:
        planted()
    if "calibration" in arguments.parts:
        calibration(arguments.seeds)
    if "time" in arguments.parts:
        timed(int(arguments.millions * 1e6))


def shuffled(seeds: int) -> None:
    """Answers of a set with a 90 % leak in its file names, shuffled: nothing is left to find."""
    print(f"## Shuffled answers, {seeds} seeds\n")
    print(
        "| answers | images | space | interval holds 0 | question alone | mean excess | mean bits "
        "| rows flagged | leaks |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    sizes = ((300, 1), (300, 5), (1000, 1), (1000, 20), (5000, 1), (5000, 50), (20_000, 5))
    worlds = [
        World(n, space, per_image, "file name", shuffled=True) for n, per_image in sizes for space in SPACES
    ]
    with Engine(2) as engine:
        results = engine.map(probe, (replace(w, seed=s) for w in worlds for s in range(seeds)))
        for world in worlds:
            print(_shuffled_line(world, [next(results) for _ in range(seeds)]), flush=True)
    print()


def _shuffled_line(world: World, outcomes: list[Outcome]) -> str:
    whole = [o.rates[0] for o in outcomes]
    held = sum(r["low"] <= 0 <= r["high"] for r in whole)
    held_question = sum(r["low_question"] <= 0 <= r["high_question"] for r in whole)
    excess = np.mean([r["excess"] for r in whole])
    bits = np.mean([np.mean(o.blind["pvi_bits"].to_numpy()) for o in outcomes])
    flagged = sum(len(o.flagged) for o in outcomes) / (world.n * len(outcomes))
    leaks = sum(bool(o.leaking) for o in outcomes)
    return (
        f"| {world.n:,} | {world.n // world.per_image:,} | {world.space} | {held}/{len(whole)} "
        f"| {held_question}/{len(whole)} | {excess:+.4f} | {bits:+.5f} | {flagged:.3%} | {leaks} |"
    )


def planted() -> None:
    """One field names the answer with a given probability; all else is noise."""
    print("## Planted leaks\n")
    print(
        "`told`: rows whose field names their answer. Best excess and bits: of a reader who knows the leak.\n"
    )
    print(
        "| answers | space | field | dose | excess (best) | bits of the field (best) | leaking fields named "
        "| flagged rows that are told | told rows flagged |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    worlds = [
        World(n, space, 1, leak, share)
        for n in (1000, 5000)
        for space in ("yes/no", "10 colours")
        for leak in LEAKS
        for share in (0.3, 0.5, 0.7, 0.9)
    ]
    with Engine(2) as engine:
        for world, outcome in zip(worlds, engine.map(probe, worlds), strict=True):
            print(_planted_line(world, outcome), flush=True)
    print()


def _planted_line(world: World, outcome: Outcome) -> str:
    answers = len(SPACES[world.space][1])
    right = world.share + (1 - world.share) / answers
    wrong = (1 - right) / (answers - 1)
    best = np.log2(answers) + right * np.log2(right) + (answers - 1) * wrong * np.log2(wrong)
    bits = max((f["bits_added"] for f in outcome.fields if f["field"] == world.leak), default=float("nan"))
    hit = len(outcome.flagged & outcome.told)
    named = ", ".join(sorted({leak["field"] for leak in outcome.leaking})) or "none"
    precision = f"{hit / len(outcome.flagged):.3f}" if outcome.flagged else "none flagged"
    return (
        f"| {world.n:,} | {world.space} | {world.leak} | {world.share:.0%} "
        f"| {outcome.rates[0]['excess']:.2f} ({(right * answers - 1) / (answers - 1):.2f}) "
        f"| {bits:.2f} ({best:.2f}) | {named} | {precision} | {hit / len(outcome.told):.3f} |"
    )


def calibration(seeds: int) -> None:
    """Share of yes among the answers to which the probe gives a probability of yes."""
    print("## Calibration: yes/no questions, 40 % by habit, a caption that tells 30 %\n")
    worlds = [World(2000, leak="caption", share=0.3, habit=0.4, seed=s) for s in range(seeds)]
    foretold, said = [], []
    with Engine(2) as engine:
        for outcome in engine.map(probe, worlds):
            given = outcome.blind["p_answer"].to_numpy()
            yes = np.array(outcome.blind["canonical"].to_pylist()) == "yes"
            foretold.append(np.where(yes, given, 1 - given))
            said.append(yes)
    p, yes = np.concatenate(foretold), np.concatenate(said)
    print("| p(yes) | answers | mean p(yes) | share of yes |\n|---|---|---|---|")
    for low in np.arange(10) / 10:
        inside = (p >= low) & (p < low + 0.1)
        if inside.any():
            means = f"{p[inside].mean():.3f} | {yes[inside].mean():.3f}"
            print(f"| {low:.1f} to {low + 0.1:.1f} | {inside.sum():,} | {means} |")
    print()


def timed(n: int) -> None:
    """Time three answer kinds over 10,000 images, two workers."""
    print("## Time\n")
    kinds = (("yes/no", 0.4, 40), ("10 colours", 0.3, 30), ("5 counts", 0.3, 30))
    print("| answers | images | captions | seconds | CPU seconds | answers/s |\n|---|---|---|---|---|---|")
    for leak in (None, "caption"):
        worlds, first = [], 0
        for space, share, per_image in kinds:
            each = max(1, per_image * n // 10**6)
            worlds.append(World(int(n * share), space, each, leak, 0.5, 0.2, sources=3, first=first))
            first += worlds[-1].n
        outcome = _record(worlds, workers=2)
        images = max(w.n // w.per_image for w in worlds)
        what = "tell half the answers" if leak else "tell nothing"
        print(
            f"| {first:,} | {images:,} | {what} | {outcome.seconds:.0f} | {outcome.cpu_seconds:.0f} "
            f"| {first / outcome.seconds:,.0f} |",
            flush=True,
        )
    print()


def probe(world: World) -> Outcome:
    return _record([world], workers=1)


def _record(worlds: Iterable[World], workers: int) -> Outcome:
    told: set[str] = set()
    with TemporaryDirectory() as folder:
        store = Store(Path(folder), "4GB", 2)
        for world in worlds:
            for name, table, hit in tables(world):
                store.insert(name, table)
                told |= hit
        began, cpu = time.perf_counter(), _cpu()
        with Engine(workers) as engine:
            config = AuditConfig(data=(Path("unused"),))
            all_recorders()["blind"].run(Recording(store, engine, config))
        seconds, cpu = time.perf_counter() - began, _cpu() - cpu
        outcome = Outcome(
            rates=store.arrow("from blind_rates").to_pylist(),
            fields=store.arrow("from blind_fields where source is null").to_pylist(),
            blind=store.arrow("select blind.*, canonical from blind join answers using (sample_id, turn)"),
            flagged={row[0] for row in _ask(store, "GRD202")},
            leaking=[json.loads(row[5]) for row in _ask(store, "GRD203")],
            told=told,
            seconds=seconds,
            cpu_seconds=cpu,
        )
        store.close()
    return outcome


def _ask(store: Store, code: str) -> list[tuple]:
    asked = find_check(code).ask(Tables())
    return store.rows(asked.sql, asked.values)


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def tables(world: World) -> Iterator[tuple[str, pa.Table, set[str]]]:
    """Yield the tables that the probe reads, and the rows whose leaking field names their answer."""
    kind, names, frequencies, asks = SPACES[world.space]
    rng = np.random.default_rng(world.seed)
    n, k = world.n, len(names)
    answers = rng.choice(k, n, p=frequencies)
    things, others = rng.integers(0, len(THINGS), (2, n))
    favourites = rng.choice(k, len(THINGS), p=frequencies)
    answers = np.where(rng.random(n) < world.habit, favourites[things], answers)
    hint = np.where(rng.random(n) < world.share, answers, rng.choice(k, n, p=frequencies))
    images = np.arange(n) // world.per_image
    number = rng.permutation(images[-1] + 1)[images]
    if world.leak == "file name":
        hint = hint[images * world.per_image]
    if world.shuffled:
        answers = rng.permutation(answers)
    hints, caption = [names[i] for i in hint], rng.integers(0, len(THINGS), (n, 3))
    sample_ids = [f"rows.json:{i}" for i in range(world.first + 1, world.first + n + 1)]
    captions = [f"a {THINGS[a]} and a {THINGS[b]} by the {THINGS[c]}" for a, b, c in caption]
    if world.leak == "caption":
        captions = [f"{text}, {hint}" for text, hint in zip(captions, hints, strict=True)]
    stems = [
        f"{hint}_{i:06}" if world.leak == "file name" else f"{i:06}"
        for hint, i in zip(hints, number, strict=True)
    ]
    ids = [f"{hint}-{i:07}" if world.leak == "id" else f"row-{i:07}" for i, hint in enumerate(hints)]
    samples = {
        "sample_id": sample_ids,
        "row_hash": sample_ids,
        "occurrence": pa.array(np.ones(n), pa.int32()),
        "id": ids,
        "source": [f"part-{i}" for i in rng.integers(0, world.sources, n)],
        "n_images": pa.array(np.ones(n), pa.int32()),
        "extra": [json.dumps({"caption": text}) for text in captions],
    }
    uses = {
        "sample_id": sample_ids,
        "slot": pa.array(np.zeros(n), pa.int32()),
        "uri": [f"images/{stem}.jpg" for stem in stems],
    }
    found = {
        "sample_id": sample_ids,
        "turn": pa.array(np.ones(n), pa.int32()),
        "image_id": [str(i) for i in images],
        "question": [asks.format(THINGS[a], THINGS[b]) for a, b in zip(things, others, strict=True)],
        "template": [asks.format("_", "_")] * n,
        "answer": [names[i] for i in answers],
        "answer_kind": [kind] * n,
        "canonical": [names[i] for i in answers],
    }
    told = {sample_ids[i] for i in np.flatnonzero(hint == answers)} if world.leak else set()
    for name, columns in (("samples", samples), ("image_uses", uses), ("answers", found)):
        yield name, pa.table(columns), told


if __name__ == "__main__":
    main()
