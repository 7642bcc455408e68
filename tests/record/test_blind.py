"""What can be had without the image is found and named; what cannot is not."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import log2
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest

from sft_audit import audit_data
from sft_audit.config import AuditConfig
from sft_audit.engine import Engine
from sft_audit.record import Recording, all_recorders
from sft_audit.store import Store
from sft_audit.tables import TABLES

COLOURS = ("red", "green", "blue", "white")
THINGS = ("car", "dog", "cup", "door", "hat", "bird")


@dataclass(frozen=True)
class Asked:
    """One question about one image, and the row that it is from."""

    image: str
    answer: str
    question: str = "What colour is it?"
    kind: str = "colour"
    name: str = "picture"
    id: str | None = None
    source: str = "one"
    extra: dict | None = None


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path, "1GB", 1)
    yield opened
    opened.close()


def probe(store: Store, asked: list[Asked], workers: int = 1) -> dict[str, list[dict]]:
    """Record the blind tables of these questions and return them, `blind` by sample."""
    samples, uses, answers = [], [], []
    for n, one in enumerate(asked):
        place = {"sample_id": f"rows.json:{n}", "turn": 1, "slot": 0}
        row = {"row_hash": f"{n}", "occurrence": 1, "n_images": 1, "extra": json.dumps(one.extra or {})}
        samples.append({**place, **row, "id": one.id, "source": one.source})
        uses.append({**place, "uri": f"images/{one.name}.jpg"})
        said = {"question": one.question, "template": one.question, "answer": one.answer}
        kind = {"answer_kind": one.kind, "canonical": None if one.kind == "free" else one.answer}
        answers.append({**place, **said, **kind, "image_id": one.image})
    for name, rows in (("samples", samples), ("image_uses", uses), ("answers", answers)):
        store.insert(name, pa.Table.from_pylist(rows, schema=TABLES[name].arrow_schema()))
    with Engine(workers) as engine:
        all_recorders()["blind"].run(Recording(store, engine, AuditConfig(data=(Path("rows.json"),))))
    tables = {
        name: store.arrow(f"from {name}").to_pylist() for name in ("blind", "blind_rates", "blind_fields")
    }
    tables["blind"].sort(key=lambda row: int(row["sample_id"].rpartition(":")[2]))
    return tables


def leaks(tables: dict[str, list[dict]], source: str | None = None) -> set[str]:
    return {
        row["field"]
        for row in tables["blind_fields"]
        if row["source"] == source
        and any(row[f"bits_{how}"] > 0.1 and row[f"q_{how}"] < 0.05 for how in ("added", "removed"))
    }


def whole(tables: dict[str, list[dict]]) -> dict:
    return next(row for row in tables["blind_rates"] if row["source"] is row["answer_kind"] is None)


def random_colours(n: int = 600, seed: int = 0) -> list[str]:
    draw = Random(seed)
    return [draw.choice(COLOURS) for _ in range(n)]


def test_a_file_name_that_names_nine_answers_in_ten(store: Store) -> None:
    draw = Random(1)
    asked = []
    for n, colour in enumerate(random_colours()):
        named = colour if draw.random() < 0.9 else draw.choice(COLOURS)
        caption = f"a {draw.choice(THINGS)}"
        asked.append(Asked(f"{n}", colour, name=f"{named}_{n:03}", id=f"{n:05}", extra={"caption": caption}))
    found = probe(store, asked)
    assert leaks(found) == {"file name"}
    assert whole(found)["low"] > 0.8
    assert whole(found)["excess_question"] == 0
    told = [row for row, one in zip(found["blind"], asked, strict=True) if one.name.startswith(one.answer)]
    assert all(row["right"] and row["field"] == "file name" for row in told)
    assert all(row["pvi_bits"] > -0.5 * log2(row["p_prior"]) for row in told)


def test_shuffled_answers_hold_nothing(store: Store) -> None:
    colours, shuffled = random_colours(), random_colours()
    Random(2).shuffle(shuffled)
    asked = [
        Asked(f"{n // 3}", said, name=f"{named}_{n:03}", extra={"caption": f"something {named}"})
        for n, (named, said) in enumerate(zip(colours, shuffled, strict=True))
    ]
    found = probe(store, asked)
    assert whole(found)["low"] <= 0 <= whole(found)["high"]
    assert sum(row["pvi_bits"] for row in found["blind"]) <= 0
    assert not leaks(found)


def test_two_fields_that_leak_the_same_are_both_named(store: Store) -> None:
    asked = [
        Asked(f"{n}", colour, name=f"{colour}_{n}", extra={"caption": f"all {colour}"})
        for n, colour in enumerate(random_colours())
    ]
    assert leaks(probe(store, asked)) == {"file name", "caption"}


def test_each_field_has_its_part_of_the_bits(store: Store) -> None:
    asked = []
    for n, colour in enumerate(random_colours(1500)):
        name, caption = (colour if n % 3 != 1 else "none"), (colour if n % 3 != 0 else "none")
        asked.append(Asked(f"{n}", colour, name=f"{name}_{n}", extra={"caption": f"all {caption}"}))
    rows = probe(store, asked)["blind"]
    parts = [json.loads(row["bits_by_field"]) for row in rows]
    assert all(
        sum(p.values()) == pytest.approx(row["bits_fields"], abs=0.005)
        for p, row in zip(parts, rows, strict=True)
    )
    for tells, silent, told in (("file name", "caption", 0), ("caption", "file name", 1)):
        assert all(p[tells] > 1.5 and abs(p.get(silent, 0)) < 0.4 for p in parts[told::3])
        assert {row["field"] for row in rows[told::3]} == {tells}
    assert all(abs(p["file name"] - p["caption"]) < 0.4 for p in parts[2::3])


def test_a_leak_in_one_source_of_a_mixture(store: Store) -> None:
    asked = []
    for n, colour in enumerate(random_colours(2000)):
        source = f"part {n % 8}"
        asked.append(Asked(f"{n}", colour, name=f"{colour if n % 8 == 0 else 'picture'}_{n}", source=source))
    found = probe(store, asked)
    assert leaks(found, "part 0") == {"file name"}
    assert not any(leaks(found, f"part {n}") for n in range(1, 8))


def test_a_list_of_objects_tells_what_is_there(store: Store) -> None:
    draw = Random(3)
    asked = []
    for n in range(600):
        there, thing = draw.sample(THINGS, 3), draw.choice(THINGS)
        said = "yes" if thing in there else "no"
        asked.append(Asked(f"{n}", said, f"Is there a {thing}?", "yes_no", extra={"objects": there}))
    assert leaks(probe(store, asked)) == {"objects"}


def test_questions_with_a_usual_answer_are_a_prior_and_no_leak(store: Store) -> None:
    draw = Random(4)
    usual = dict(zip(THINGS, (*COLOURS, "red", "blue"), strict=True))
    asked = []
    for n in range(600):
        thing = draw.choice(THINGS)
        colour = usual[thing] if draw.random() < 0.8 else draw.choice(COLOURS)
        asked.append(Asked(f"{n}", colour, f"What colour is the {thing}?", id=f"{n}"))
    found = probe(store, asked)
    assert not leaks(found)
    assert whole(found)["low_question"] > 0.5
    assert {row["bits_by_field"] for row in found["blind"]} == {None}
    for row in found["blind"]:
        parts = row["bits_template"] + row["bits_question"] + row["bits_fields"]
        assert row["pvi_bits"] == pytest.approx(parts, abs=1e-3)


def test_balanced_pairs_give_nothing_away(store: Store) -> None:
    """Each question is put to two images that answer it differently, each image gets two questions."""
    asked = []
    for n in range(200):
        for question in range(2):
            for side in range(2):
                said = "yes" if (side + question) % 2 else "no"
                text = f"Is the {THINGS[(n + question) % 6]} on side {n % 9}?"
                asked.append(Asked(f"{n}-{side}", said, text, "yes_no"))
    found = probe(store, asked)
    assert whole(found)["high"] <= 0.05
    assert not any(row["right"] and row["pvi_bits"] > 0.5 for row in found["blind"])


def test_sources_that_differ_in_their_answers_are_no_leak(store: Store) -> None:
    draw = Random(5)
    asked = []
    for n in range(800):
        mostly, source = ("yes", "present") if n % 2 else ("no", "absent")
        said = mostly if draw.random() < 0.9 else draw.choice(("yes", "no"))
        extra = {"dataset": source, "answer": said}
        asked.append(Asked(f"{n}", said, f"Is it there, {n % 7}?", "yes_no", source=source, extra=extra))
    found = probe(store, asked)
    assert not leaks(found)
    by_source = [r for r in found["blind_rates"] if r["source"] and r["answer_kind"] is None]
    assert len(by_source) == 2
    assert all(row["low"] <= 0 <= row["high"] for row in by_source)


def test_what_is_not_scored_is_counted(store: Store) -> None:
    asked = [Asked(f"{n}", colour) for n, colour in enumerate(random_colours(300))]
    asked += [Asked(f"rare {n}", f"colour {n}") for n in range(7)]
    asked += [Asked(f"few {n}", "yes" if n % 2 else "no", kind="yes_no") for n in range(199)]
    asked += [Asked(f"long {n}", f"A story of {n}.", kind="free") for n in range(300)]
    asked += [Asked(f"{n % 20}", str(n % 2), kind="count") for n in range(300)]
    asked += [Asked(f"same {n}", "a cat", kind="phrase") for n in range(300)]
    found = probe(store, asked)
    by_kind = {
        r["answer_kind"]: (r["n"], r["n_not_scored"]) for r in found["blind_rates"] if r["source"] is None
    }
    assert by_kind == {
        None: (300, 1106),
        "colour": (300, 7),
        "count": (0, 300),
        "free": (0, 300),
        "phrase": (0, 300),
        "yes_no": (0, 199),
    }
    assert len(found["blind"]) == 300


def test_nothing_to_score(store: Store) -> None:
    found = probe(store, [Asked("one", "red")])
    assert found["blind"] == found["blind_fields"] == []
    assert whole(found)["n_not_scored"] == 1
    assert whole(found)["excess"] is None


def test_any_number_of_workers(tmp_path: Path) -> None:
    asked = [Asked(f"{n // 2}", c, name=f"{c}_{n}", id=f"{n}") for n, c in enumerate(random_colours(400))]
    results = []
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        folder.mkdir()
        opened = Store(folder, "1GB", workers)
        results.append(probe(opened, asked, workers))
        opened.close()
    assert results[0] == results[1]


def test_real_file_names_that_leak(shared_data: Path, tmp_path: Path) -> None:
    """NLVR numbers the four pictures of a statement: the first two were chosen to make it true."""
    rows = shared_data / "nlvr" / "messages.jsonl"
    report = audit_data(rows, images=rows.parent, out=tmp_path / "audit", select=("GRD203",), workers=1)
    assert [json.loads(f["evidence"])["key"] for f in report.findings.to_pylist()] == ["file name"]
