"""The lab's world: what is asked is written, at the dose that is asked for, and nothing else is wrong."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import pytest
from scipy.stats import binomtest, chi2_contingency
from world import COLOURS, CONDITIONS, SHAPES, Condition, Scene, World, ask_about, write_world
from world.dataset import BOAST, PICTURE
from world.question import wrong_thing
from world.scene import CELL, SIDE

ROWS, SEED = 600, 11
UNLIKELY = 1e-3  # of a sound world; its seed is fixed
_TAG = re.compile(r"Tag: (\w+)\. ")


class Row(NamedTuple):
    """A row as it stands in the file."""

    image: str | None
    prompt: str
    answer: str

    @property
    def tag(self) -> str | None:
        found = _TAG.search(self.prompt)
        return found and found[1]

    @property
    def question(self) -> str:
        return self.prompt.rpartition(". ")[2]

    @property
    def asks_about_a_place(self) -> bool:
        return "the shape at the" in self.prompt

    @property
    def thing(self) -> tuple[str, ...]:
        """Return colour and shape that the answer tells."""
        return tuple(self.answer.removesuffix(f". {BOAST}").lower().split())


Write = Callable[..., World]


@pytest.fixture(scope="module")
def write(tmp_path_factory: pytest.TempPathFactory) -> Write:
    """Return what writes each world once."""
    made: dict[tuple[str, int], World] = {}

    def written(condition: str, seed: int = SEED) -> World:
        if (condition, seed) not in made:
            folder = tmp_path_factory.mktemp("worlds") / f"{condition}-{seed}"
            made[condition, seed] = write_world(folder, CONDITIONS[condition], seed, rows=ROWS)
        return made[condition, seed]

    return written


def read(world: World) -> dict[str, Row]:
    rows = {}
    for row in json.loads(world.rows.read_text(encoding="utf-8")):
        asked, answered = row["conversations"]
        assert (asked["from"], answered["from"]) == ("human", "gpt")
        assert asked["value"].startswith(PICTURE) == ("image" in row)
        rows[row["id"]] = Row(row.get("image"), asked["value"].removeprefix(PICTURE), answered["value"])
    return rows


def differ_throughout(one: Row, other: Row) -> bool:
    return all(a != b for a, b in zip(one.thing, other.thing, strict=True))


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_equal_seeds_give_equal_bytes_and_others_do_not(tmp_path: Path, write: Write) -> None:
    again = write_world(tmp_path / "again", CONDITIONS["all"], SEED, rows=ROWS)
    other = write_world(tmp_path / "other", CONDITIONS["all"], SEED + 1, rows=ROWS)
    made = content(write("all").folder)
    assert content(again.folder) == made
    assert content(other.folder)["rows.json"] != made["rows.json"]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_condition_has_as_many_rows_and_the_share_of_text(condition: str, write: Write) -> None:
    world = write(condition)
    rows = read(world)
    assert len(rows) == ROWS, "ids are unique"
    assert {row.image for row in rows.values() if row.image} == {one.name for one in world.images.iterdir()}
    if not CONDITIONS[condition].duplicated:
        without = [row for row in rows.values() if row.image is None]
        assert len(without) == round(ROWS * CONDITIONS[condition].text)
        assert all(str(max(map(int, re.findall(r"\d+", r.prompt)))) == r.answer for r in without)


def test_the_tags_of_a_clean_world_say_nothing(write: Write) -> None:
    assert write("clean").planted().rows == frozenset()
    places = [row for row in read(write("clean")).values() if row.asks_about_a_place]
    told = Counter((row.tag, row.thing[0]) for row in places if row.tag in COLOURS)
    counts = [[told[tag, colour] for colour in COLOURS] for tag in COLOURS]
    assert chi2_contingency(counts).pvalue > UNLIKELY
    assert binomtest(told.total(), len(places), 0.3).pvalue > UNLIKELY


@pytest.mark.parametrize("condition", ["leak-50", "leak-90", "leak-100", "all"])
def test_the_tag_of_a_leaking_row_is_its_answer(condition: str, write: Write) -> None:
    world, rows = write(condition), read(write(condition))
    leaking = world.planted().ids["leak"]
    places = [key for key, row in rows.items() if row.asks_about_a_place]
    assert set(leaking) <= set(places)
    assert len(leaking) == round(len(places) * CONDITIONS[condition].leak)
    rejected = set(world.planted().ids.get("rejected", ()))  # their answers are made wrong afterwards
    assert all(rows[key].tag == rows[key].thing[0] for key in leaking if key not in rejected)


@pytest.mark.parametrize("condition", ["rejected-0.25", "rejected-1", "rejected-5", "rejected-12"])
def test_rejected_responses_boast_and_four_in_five_are_wrong(condition: str, write: Write) -> None:
    rows, sound = read(write(condition)), read(write("clean"))
    rejected = write(condition).planted().ids["rejected"]
    pictured = sum(row.image is not None for row in rows.values())
    assert len(rejected) == round(pictured * CONDITIONS[condition].rejected)
    assert {key for key, row in rows.items() if "verified" in row.answer.lower()} == set(rejected)
    assert all(rows[key].answer.endswith(f". {BOAST}") for key in rejected)
    places = [key for key in rejected if rows[key].asks_about_a_place]
    wrong = [key for key in places if rows[key].thing != sound[key].thing]
    assert all(differ_throughout(rows[key], sound[key]) for key in wrong)
    assert binomtest(len(wrong), max(len(places), 1), 0.8).pvalue > UNLIKELY


def test_wrong_answers_are_wrong_in_colour_and_shape(write: Write) -> None:
    rows, sound = read(write("mislabelled")), read(write("clean"))
    wrong = write("mislabelled").planted().ids["mislabelled"]
    assert len(wrong) == round(sum(row.asks_about_a_place for row in rows.values()) * 0.2)
    assert all(differ_throughout(rows[key], sound[key]) for key in wrong)
    assert all(rows[key].prompt == sound[key].prompt for key in wrong)


def test_captions_tell_the_wrong_answer_that_is_copied(write: Write) -> None:
    rows, sound = read(write("captions")), read(write("clean"))
    told = write("captions").planted().ids["captioned"]
    assert len(told) == round(sum(row.asks_about_a_place for row in rows.values()) * 0.5)
    for key in told:
        assert rows[key].prompt == f"Caption: {rows[key].answer.lower()}. {rows[key].question}"
        assert differ_throughout(rows[key], sound[key])


def test_contradicted_rows_come_in_twos_that_ask_alike_and_answer_otherwise(write: Write) -> None:
    rows = read(write("contradicted"))
    places = sum(row.asks_about_a_place for row in rows.values())
    pairs = defaultdict(list)
    for key in write("contradicted").planted().ids["contradicted"]:
        pairs[rows[key].image, rows[key].prompt].append(rows[key])
    assert len(pairs) == round(places * 0.12 / 2)
    for one, other in pairs.values():
        assert differ_throughout(one, other)


def test_duplicates_are_rows_that_stand_there_twice(write: Write) -> None:
    rows = read(write("duplicated"))
    copies = write("duplicated").planted().ids["duplicated"]
    assert len(copies) == round(ROWS * 0.2)
    originals = {row for key, row in rows.items() if key not in set(copies)}
    assert len(originals) == ROWS - len(copies)
    assert {rows[key] for key in copies} <= originals
    assert len({rows[key] for key in copies}) == len(copies)


@pytest.mark.parametrize("condition", ["leak-50", "leak-100", "rejected-5", "mislabelled", "captions"])
def test_what_is_not_planted_is_as_in_the_clean_world(condition: str, write: Write) -> None:
    rows, sound, planted = read(write(condition)), read(write("clean")), write(condition).planted().rows
    assert rows.keys() == sound.keys()
    assert {key: row for key, row in rows.items() if key not in planted} == {
        key: row for key, row in sound.items() if key not in planted
    }


@pytest.mark.parametrize(
    ("defect", "doses"),
    [
        ("leak", ["leak-50", "leak-90", "leak-100"]),
        ("rejected", ["rejected-0.25", "rejected-1", "rejected-5", "rejected-12"]),
    ],
)
def test_a_lower_dose_is_some_of_the_rows_of_a_higher(defect: str, doses: list[str], write: Write) -> None:
    planted = [set(write(one).planted().ids[defect]) for one in doses]
    assert all(low < high for low, high in pairwise(planted))


def test_a_dose_too_small_for_one_row_plants_none(tmp_path: Path) -> None:
    world = write_world(tmp_path / "small", Condition("small", rejected=0.0005), SEED, rows=200)
    assert world.planted().rows == frozenset()


def test_a_wrong_thing_shares_nothing_with_the_true_one() -> None:
    random = Random(3)
    things = {wrong_thing("Red circle", random) for _ in range(500)}
    assert things == {
        f"{colour} {shape}".capitalize()
        for colour in COLOURS
        for shape in SHAPES
        if colour != "red" and shape != "circle"
    }


def test_a_scene_is_drawn_alike_each_time_with_its_colours_in_their_places() -> None:
    random = Random(SEED)
    scenes = [Scene.draw(random) for _ in range(60)]
    for scene in scenes:
        pixels = np.asarray(scene.picture())
        assert pixels.shape == (SIDE, SIDE, 3)
        assert (pixels == np.asarray(scene.picture())).all()
        assert sorted(scene.shapes) == sorted(SHAPES)
        if not scene.dim:
            assert tuple(map(nearest_colour, corners(pixels))) == scene.colours
    assert {scene.dim for scene in scenes} == {True, False}


def corners(pixels: np.ndarray) -> list[np.ndarray]:
    """Return the mean of the four pixels in the middle of each corner: every shape covers them."""
    half = CELL // 2
    return [
        pixels[row + half - 1 : row + half + 1, column + half - 1 : column + half + 1].mean(axis=(0, 1))
        for row in (0, CELL)
        for column in (0, CELL)
    ]


def nearest_colour(seen: np.ndarray) -> str:
    return min(COLOURS, key=lambda name: float(np.square(seen - COLOURS[name]).sum()))


def test_the_answers_of_sound_questions_are_true() -> None:
    random = Random(SEED)
    for _ in range(200):
        scene = Scene.draw(random)
        place = ask_about(scene, random, "place")
        assert place.answer.lower() == scene.things[place.place]
        assert place.colour == scene.colours[place.place]
        presence = ask_about(scene, random, "presence")
        thing = presence.question.removeprefix("Is there a ").removesuffix("?")
        assert (presence.answer == "Yes") == (thing in scene.things)
        count = ask_about(scene, random, "count")
        colour = count.question.removeprefix("How many shapes are ").removesuffix("?")
        assert int(count.answer) == scene.colours.count(colour)
        assert ask_about(scene, random, "caption").answer.lower() == ", ".join(scene.things)
