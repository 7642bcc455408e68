"""The two kinds that were drawn, planted in half of the questions about places of a world that is clean."""

import json
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from PIL import Image
from world import CONDITIONS, PLACES, World, draw_scenes
from world.scene import CELL

DOSE = 0.5
_GREY = (128, 128, 128)
_BY_COLUMNS = {1: 2, 2: 1}  # top right and bottom left change places where corners are counted by columns
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Planted:
    """The ids of rows: those that the defect was meant for, and all that it changed.

    `occluded` changes image files, on which other rows stand too.
    """

    meant: frozenset[str]
    changed: frozenset[str]


def plant(kind: str, world: World, seed: int, out: Path) -> Planted:
    """Write the rows to `out`, half of the questions about places with the defect; return which those are.

    `occluded` changes the image files themselves. A kind of another name changes nothing.
    """
    rows = json.loads(world.rows.read_text(encoding="utf-8"))
    about = [row for row in rows if _place(row) is not None]
    half = Random(seed * 3 + 5).sample(about, round(DOSE * len(about)))
    match kind:
        case "reading-order":
            meant = changed = _read_by_columns(half, seed)
        case "occluded":
            meant = _occlude(half, world.images)
            covered = {row["image"] for row in meant}
            changed = [row for row in rows if row.get("image") in covered]
        case _:
            meant = changed = []
    out.write_text(json.dumps(rows, ensure_ascii=False, indent=0), encoding="utf-8")
    return Planted(_ids(meant), _ids(changed))


def _ids(rows: list[Row]) -> frozenset[str]:
    return frozenset(row["id"] for row in rows)


def _read_by_columns(rows: list[Row], seed: int) -> list[Row]:
    """Answer about bottom left where top right is asked about, and the reverse; the other two stay right."""
    scenes = draw_scenes(CONDITIONS["clean"], seed)
    wrong = [row for row in rows if _place(row) in _BY_COLUMNS]
    for row in wrong:
        told = scenes[row["image"]].things[_BY_COLUMNS[_place(row)]]
        row["conversations"][1]["value"] = told.capitalize()
    return wrong


def _occlude(rows: list[Row], images: Path) -> list[Row]:
    """Cover the corner that is asked about with a grey patch; the answer stays."""
    for row in rows:
        down, across = divmod(_place(row), 2)
        with Image.open(images / row["image"]) as image:
            picture = image.convert("RGB")
        picture.paste(_GREY, (across * CELL, down * CELL, (across + 1) * CELL, (down + 1) * CELL))
        picture.save(images / row["image"], compress_level=1)
    return rows


def _place(row: Row) -> int | None:
    """Return the corner that a row asks about; None if none."""
    asked = row["conversations"][0]["value"]
    return next((at for at, place in enumerate(PLACES) if asked.endswith(f"at the {place}?")), None)
