"""The demonstration's data set: made without a fault, and written with those that were planted."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from sft_audit.demo.photos import Image, Photo, load_photos
from sft_audit.demo.questions import (
    chat_rows,
    comparison_rows,
    dialogue_rows,
    existence_rows,
    photo_rows,
    scene_rows,
)
from sft_audit.demo.row import Comparison, Row, fresh_name
from sft_audit.demo.scenes import COLOURS, Scene, draw, make_scene


@dataclass(frozen=True, slots=True)
class DataSet:
    """Rows without a fault, and comparisons of a true response with a false one."""

    rows: tuple[Row, ...]
    comparisons: tuple[Comparison, ...]


def make_data_set(images: Path, random: Random) -> DataSet:
    """Write the photos and drawn scenes into the folder `images` and return the rows about them, shuffled."""
    pictures, ids = load_photos(), _ids(random)
    images.mkdir(parents=True)
    photos = {_save(tile, images, random): photo for photo, tiles in pictures.values() for tile in tiles}
    scenes = _save_scenes(110, images, random)
    rows = [
        *photo_rows(photos, ids, random),
        *scene_rows(dict(list(scenes.items())[:80]), ids, random),
        *dialogue_rows(dict(list(scenes.items())[80:]), ids, random),
        *comparison_rows(scenes, ids),
        *chat_rows(75, ids, random),
        *existence_rows(_save_scenes(240, images, random), "archive", 1, ids, random),
        *existence_rows(_save_scenes(50, images, random), "survey", 4, ids, random),
        *existence_rows(_save_scenes(110, images, random), "quiz", 5, ids, random),
    ]
    random.shuffle(rows)
    return DataSet(tuple(rows), (*_photo_comparisons(photos), *_scene_comparisons(rows, random)))


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write a JSON array, one row a line."""
    parts = [row.written() + (row.after if row is not rows[-1] else b"") for row in rows]
    path.write_bytes(b"[\n" + b"\n".join(parts) + b"\n]\n")


def write_comparisons(path: Path, comparisons: Sequence[Comparison]) -> None:
    """Write JSON Lines with image, question, chosen and rejected."""
    path.write_text("".join(json.dumps(asdict(one)) + "\n" for one in comparisons), encoding="utf-8")


def _ids(random: Random) -> Iterator[str]:
    while True:
        yield fresh_name(random)


def _save(image: Image, images: Path, random: Random) -> str:
    name = f"{fresh_name(random)}.jpg"
    image.save(images / name, quality=90)
    return name


def _save_scenes(n: int, images: Path, random: Random) -> dict[str, Scene]:
    scenes = [make_scene(random) for _ in range(n)]
    return {_save(draw(scene), images, random): scene for scene in scenes}


def _photo_comparisons(photos: Mapping[str, Photo]) -> list[Comparison]:
    return [
        Comparison(image, "Describe the photo in one sentence.", photo.captions[0], photo.false)
        for image, photo in photos.items()
        if photo.false
    ]


def _scene_comparisons(rows: Sequence[Row], random: Random) -> list[Comparison]:
    """Compare some descriptions with the same text in which the first colour is wrong."""
    comparisons = []
    for row in [row for row in rows if row.source == "description"][:24]:
        right = next(word for word in row.answer.split() if word in COLOURS)
        wrong = row.answer.replace(right, random.choice([colour for colour in COLOURS if colour != right]), 1)
        comparisons.append(Comparison(row.images[0], row.question, row.answer, wrong))
    return comparisons
