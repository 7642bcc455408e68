"""Probe packs of real data sets: what they hold, what they cost, and whether text alone answers them.

python bench/packs.py [--data ../shared/data] [-o FILE]; prints Markdown. Each set is audited and a pack made
of it. A text-only model (character n-grams, logistic regression) then answers the pack's pairs and cues, and
as many plain rows of the same set, twice: cross-fitted on what it is asked about, and fitted on the rest of
the set. It is told which answers are possible, so that guessing has a known rate.
"""

import argparse
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.sparse import hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from sft_audit import audit_data, make_probes
from sft_audit.demo.demonstration import make_faulty_data_set
from sft_audit.demo.world import SOUND, make_world
from sft_audit.errors import AuditError
from sft_audit.interval import wilson
from sft_audit.probes import Pack
from sft_audit.record.canonical import canonicalise
from sft_audit.record.question import bare, read_question
from sft_audit.store import Store

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
FAMILIES = ("pair", "derived", "cue", "text", "caption", "fault")
BALANCED = ("pair", "cue")  # as the pack's rows say it; the derived ones are pairs
PLAIN = """
    select file, position, question, answer_kind, canonical, image_id, coalesce(id, ''), uris
    from answers
    join samples using (sample_id)
    join (select sample_id, string_agg(uri, ' ' order by slot) as uris from image_uses group by all)
        using (sample_id)
    where canonical is not null and answer_kind <> 'free' and image_id is not null
    order by file, position, turn
"""


@dataclass(frozen=True)
class RealSet:
    """A data set: its rows, and the folder that image paths start from (None: that of the rows)."""

    name: str
    rows: Path
    images: Path | None = None


@dataclass(frozen=True)
class Asked:
    """A question as the text-only model sees it; `choices` are the answers among which it may choose.

    `names` are the row's id and the names of its images; `group` is what folds keep together, `place` the
    row of the data set.
    """

    question: str
    names: str
    answer: str
    choices: tuple[str, ...]
    group: str
    place: tuple[str, int]


@dataclass(frozen=True)
class Made:
    """A pack of a set, the seconds of the audit and of the pack, and the plain rows of the set."""

    pack: Pack
    seconds: tuple[float, float]
    rows: int
    plain: tuple[Asked, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("-o", type=Path)
    arguments = parser.parse_args()
    made: dict[str, Made | str] = {}
    with TemporaryDirectory() as name:
        folder = Path(name)
        for one in all_sets(arguments.data, folder):
            made[one.name] = make(one, folder / one.name.replace(" ", "-"))
        text = "\n".join((*held(made), "", *asked_of_text(made)))
    if arguments.o:
        arguments.o.write_text(text + "\n", encoding="utf-8")
    print(text)


def all_sets(data: Path, folder: Path) -> list[RealSet]:
    """Return the real sets and the two that the demonstration draws, which are written to the folder."""
    make_faulty_data_set(folder / "demo", 7)
    make_world(folder / "world", SOUND, 1)
    return [
        RealSet("COCO", data / "coco" / "llava.json", data / "coco" / "images"),
        RealSet("NLVR", data / "nlvr" / "messages.jsonl"),
        RealSet("receipts", data / "receipts" / "llamafactory.json"),
        RealSet("PuzzleVQA", data / "puzzle" / "train.parquet"),
        RealSet("MATH-Vision", data / "mathv" / "train.parquet"),
        RealSet("HallusionBench", data / "text" / "hallusionbench.json"),
        RealSet("demonstration", folder / "demo" / "rows.json", folder / "demo" / "images"),
        RealSet("little world", folder / "world" / "rows.json", folder / "world" / "images"),
    ]


def make(one: RealSet, folder: Path) -> Made | str:
    """Audit a set and make its pack; return why there is none where there is none."""
    started = time.perf_counter()
    audit = audit_data(
        one.rows, out=folder / "audit", **({"images": one.images} if one.images else {})
    ).folder
    audited = time.perf_counter()
    store = Store(audit, "1GB", 2, read_only=True)
    try:
        plain = plain_rows(store)
        counts = [store.value(f"select count(*) from {table}") for table in ("samples", "answers")]
        missing = store.value("select count(*) from image_uses where image_id is null")
    finally:
        store.close()
    try:
        pack = make_probes(audit, folder / "pack")
    except AuditError as fault:
        why = str(fault).partition(": ")[2]
        return f"{counts[0]:,} rows, {counts[1]:,} answers, {missing:,} images missing: {why}"
    return Made(pack, (audited - started, time.perf_counter() - audited), counts[0], plain)


def plain_rows(store: Store) -> tuple[Asked, ...]:
    """Return the closed answers about images; possible are the options, else all answers of the kind."""
    rows = store.rows(PLAIN)
    by_kind: dict[str, set[str]] = defaultdict(set)
    for _, _, _, kind, canonical, *_ in rows:
        by_kind[kind].add(canonical)
    found = []
    for file, position, question, kind, canonical, image, name, uris in rows:
        options = tuple(letter for letter, _ in read_question(question).options)
        choices = options if canonical in options else tuple(sorted(by_kind[kind]))
        found.append(Asked(question, f"{name} {uris}", canonical, choices, image, (file, position)))
    return tuple(found)


def items(pack: Pack) -> tuple[list[dict], list[Asked]]:
    """Return the rows of the pack's pairs and cues, and the same as they are put to the text-only model."""
    lines = (pack.folder / "probes.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["probe"]["family"] in BALANCED]
    texts = [[turn["value"] for turn in row["conversations"]] for row in rows]
    asks = [bare(question).strip() for question, _ in texts]
    read = [canonicalise(read_question(q), a)[1] or a for q, (_, a) in zip(asks, texts, strict=True)]
    by_cluster: dict[str, set[str]] = defaultdict(set)
    for row, answer in zip(rows, read, strict=True):
        by_cluster[row["probe"]["cluster"]].add(answer)
    asked = [
        Asked(
            question,
            " ".join([row["id"], *row.get("images", [row.get("image", "")])]),
            answer,
            tuple(sorted(by_cluster[row["probe"]["cluster"]])),
            row["probe"]["cluster"],
            (row["probe"]["from"]["file"], row["probe"]["from"]["position"]),
        )
        for row, question, answer in zip(rows, asks, read, strict=True)
    ]
    return rows, asked


def held(made: dict[str, Made | str]) -> list[str]:
    """Return what each pack holds, a line a set, and why others have none."""
    lines = [
        "## What the packs hold\n",
        f"| set | rows | audit s | pack s | items | {' | '.join(FAMILIES)} | clusters | unbalanced | yes |",
        f"|---|--:|--:|--:|--:|{'--:|' * len(FAMILIES)}--:|--:|---|",
    ]
    for name, one in made.items():
        if isinstance(one, Made):
            counts = " | ".join(str(one.pack.counts.get(family, 0)) for family in FAMILIES)
            lines.append(
                f"| {name} | {one.rows:,} | {one.seconds[0]:.1f} | {one.seconds[1]:.1f} "
                f"| {sum(one.pack.counts.values())} | {counts} | {balance(one.pack)} |"
            )
    lines += [
        "",
        "Clusters: of pairs, derived pairs and cues, each one question. Unbalanced: clusters in which not",
        "every answer is as frequent as every other. Yes: of the yes/no items of those families.",
        "",
    ]
    return lines + [f"- {name}: no pack. {one}." for name, one in made.items() if isinstance(one, str)]


def balance(pack: Pack) -> str:
    """Return how many clusters there are, how many of them are unbalanced, and the share of yes."""
    _, asked = items(pack)
    by_cluster: dict[str, Counter[str]] = defaultdict(Counter)
    for one in asked:
        by_cluster[one.group][one.answer] += 1
    unbalanced = sum(len(set(counts.values())) > 1 for counts in by_cluster.values())
    polar = [one.answer for one in asked if one.answer in ("yes", "no")]
    yes = f"{polar.count('yes')} of {len(polar)}" if polar else "-"
    return f"{len(by_cluster)} | {unbalanced} | {yes}"


def asked_of_text(made: dict[str, Made | str]) -> list[str]:
    """Return what text alone answers, on the pack and on as many plain rows."""
    lines = [
        "## Text alone, on the pack and on as many plain rows of the set\n",
        "| set | it reads | fitted on | n | guessing | right on the pack | guessing | right on plain rows |",
        "|---|---|---|--:|--:|---|--:|---|",
    ]
    for name, one in made.items():
        if isinstance(one, Made):
            _, pack = items(one.pack)
            drawn = random.Random(0).sample(one.plain, min(len(pack), len(one.plain)))
            for reads in ("question", "question and names"):
                for fitted in ("itself", "the rest of the set"):
                    shown = [
                        f"{guess(some):.2f} | {share(right(some, one.plain, reads, fitted))}"
                        for some in (pack, drawn)
                    ]
                    lines.append(f"| {name} | {reads} | {fitted} | {len(pack)} | {' | '.join(shown)} |")
    return lines


def guess(asked: Sequence[Asked]) -> float:
    return sum(1 / len(one.choices) for one in asked) / len(asked)


def share(right: Sequence[bool]) -> str:
    low, high = wilson(sum(right), len(right))
    return f"{sum(right) / len(right):.2f} ({low:.2f} to {high:.2f})"


def right(asked: Sequence[Asked], plain: Sequence[Asked], reads: str, fitted: str) -> list[bool]:
    """Return which are answered rightly; the model never saw their group, or their row."""
    if fitted != "itself":
        places = {one.place for one in asked}
        rest = [one for one in plain if one.place not in places]
        return answered(rest, asked, reads)
    groups = [one.group for one in asked]
    found = np.zeros(len(asked), bool)
    folds = GroupKFold(min(5, len(set(groups))))
    for learnt, put in folds.split(groups, groups=groups):
        found[put] = answered([asked[at] for at in learnt], [asked[at] for at in put], reads)
    return found.tolist()


def answered(learnt: Sequence[Asked], put: Sequence[Asked], reads: str) -> list[bool]:
    """Fit on some, ask others: the most probable of the possible answers; one never seen has none."""
    fields = ("question", "names") if "names" in reads else ("question",)
    blocks = []
    for field in fields:
        grams = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), sublinear_tf=True)
        texts = [[getattr(one, field) for one in some] for some in (learnt, put)]
        blocks.append((grams.fit_transform(texts[0]), grams.transform(texts[1])))
    before, after = (hstack(some).tocsr() for some in zip(*blocks, strict=True))
    model = LogisticRegression(C=10, max_iter=300).fit(before, [one.answer for one in learnt])
    columns = {answer: at for at, answer in enumerate(model.classes_)}
    found = []
    for one, likely in zip(put, model.predict_proba(after), strict=True):
        said = max(one.choices, key=lambda a: likely[columns[a]] if a in columns else 0.0)
        found.append(said == one.answer)
    return found


if __name__ == "__main__":
    main()
