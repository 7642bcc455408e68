"""The little world: what it writes, what its questions and cues tell, and what an audit finds in it."""

import json
from collections import Counter, defaultdict
from math import sqrt
from pathlib import Path
from random import Random

import pytest

from sft_audit.demo.row import PICTURE, Row
from sft_audit.demo.world import (
    BLINDING,
    COLOURS,
    SOUND,
    Mixture,
    ask,
    draw,
    make_rows,
    make_scene,
    make_world,
)
from sft_audit.record.canonical import canonicalise
from sft_audit.record.question import read_question
from sft_audit.session import audit_data

KINDS = {"What colour": "colour", "Is the": "yes_no", "How many": "count", "Are there": "yes_no"}


def rows_of(mixture: Mixture, seed: int = 3) -> list[Row]:
    random = Random(seed)
    return make_rows({str(at): make_scene(random) for at in range(mixture.images)}, mixture, random)


def cue_and_question(row: Row) -> tuple[str, str]:
    cue, _, question = row.question.rpartition("\n")
    return cue.removeprefix("Hint: the answer is ").removeprefix("Note: ").removesuffix("."), question


def test_equal_seeds_give_equal_bytes(tmp_path: Path) -> None:
    for name, seed in (("one", 5), ("two", 5), ("three", 6)):
        make_world(tmp_path / name, Mixture(images=6), seed)

    def content(name: str) -> dict[str, bytes]:
        files = sorted((tmp_path / name).rglob("*.*"))
        return {str(file.relative_to(tmp_path / name)): file.read_bytes() for file in files}

    assert content("one") == content("two") != content("three")


def test_rows_are_llava_rows_whose_images_exist(tmp_path: Path) -> None:
    made = make_world(tmp_path / "world", Mixture(images=10), 1)
    read = json.loads((tmp_path / "world" / "rows.json").read_text())
    assert len(read) == len(made)
    for row in read:
        assert ("image" in row) == row["conversations"][0]["value"].startswith(PICTURE)
        assert "image" not in row or (tmp_path / "world" / "images" / row["image"]).is_file()


def test_a_picture_shows_what_its_scene_says() -> None:
    random = Random(2)
    for scene in (make_scene(random) for _ in range(50)):
        image = draw(scene)
        assert image.getpixel((63, 0)) == COLOURS[scene.background]
        assert image.getpixel((16 + scene.shifts[0], 24 + scene.shifts[1])) == COLOURS[scene.square]
        dark = [any(image.getpixel((x, y))[2] < 20 for y in range(48, 64)) for x in range(64)]
        assert sum(now and not before for before, now in zip([False, *dark], dark, strict=False)) == len(
            scene.dots
        )


def test_the_product_reads_every_question_and_answer() -> None:
    for row in rows_of(Mixture(images=60)):
        asked = read_question(row.question)
        kind, canonical = canonicalise(asked, row.answer)
        expected = KINDS.get(" ".join(cue_and_question(row)[1].split()[:2])) if row.images else None
        assert kind == (expected or ("yes_no" if row.question.startswith("Is") else "number"))
        assert canonical == row.answer


def test_no_question_tells_its_answer_and_each_has_counterfactual_images() -> None:
    """The most frequent answer is within four standard deviations of the share that chance gives it."""
    answers: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows_of(Mixture(images=3000, cued=0.0)):
        if row.images:
            answers[row.question][row.answer] += 1
    assert len(answers) == 2 + 2 * len(COLOURS) + 1 + 3
    for question, counts in answers.items():
        n, k = counts.total(), 5 if "colour" in question else 4 if "How" in question else 2
        assert len(counts) == k, question
        assert max(counts.values()) / n < 1 / k + 4 * sqrt((1 / k) * (1 - 1 / k) / n), question


def test_a_sound_cue_tells_nothing_and_a_blinding_one_everything() -> None:
    told = [cue_and_question(row)[0] == row.answer for row in rows_of(BLINDING) if row.images]
    assert len(told) == 1600
    assert all(told)
    cued = [row for row in rows_of(Mixture(images=2000, cued=0.5)) if "\n" in row.question]
    assert 0.47 < len(cued) / 8000 < 0.53
    for kind, k in (("What", 5), ("Is", 2), ("How", 4)):
        said = [c == row.answer for row in cued for c, q in [cue_and_question(row)] if q.startswith(kind)]
        assert abs(sum(said) / len(said) - 1 / k) < 4 * sqrt((1 / k) * (1 - 1 / k) / len(said))


def test_shuffled_images_show_nothing_of_the_answer() -> None:
    random = Random(4)
    scenes = {str(at): make_scene(random) for at in range(1500)}
    for shuffled, low, high in ((False, 1.0, 1.0), (True, 0.15, 0.25)):
        rows = make_rows(scenes, Mixture(cued=0.0, shuffled=shuffled), random)
        asked = [row for row in rows if row.question == "What colour is the square?"]
        right = [scenes[row.images[0]].square == row.answer for row in asked]
        assert low <= sum(right) / len(right) <= high


def test_a_scene_is_asked_different_questions() -> None:
    random = Random(1)
    for scene in (make_scene(random) for _ in range(20)):
        questions = [one.question for one in ask(scene, 4, random)]
        assert len(set(questions)) == 4


@pytest.mark.parametrize(("mixture", "verdict"), [(SOUND, "clean"), (BLINDING, "BLOCK")])
def test_an_audit_blocks_the_blinding_rows_and_not_the_sound_ones(
    mixture: Mixture, verdict: str, tmp_path: Path
) -> None:
    make_world(tmp_path / "world", mixture, 1)
    report = audit_data(
        tmp_path / "world" / "rows.json",
        images=tmp_path / "world" / "images",
        out=tmp_path / "audit",
        workers=1,
    )
    print(report.verdict, dict(report.counts))
    grounding = {code for code in report.counts if code.startswith("GRD")}
    if verdict == "BLOCK":
        assert report.verdict == "BLOCK"
        assert {"GRD201", "GRD202"} <= grounding
    else:
        assert report.verdict in ("PASS", "REVIEW")
        assert grounding <= {"GRD201"}  # a cue that is drawn at random is right now and then
