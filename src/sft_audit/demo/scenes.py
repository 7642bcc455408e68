"""Drawn scenes whose every fact is known: shapes, colours, counts, places, and a word on a sign."""

from dataclasses import dataclass
from random import Random
from typing import Any

Image = Any  # PIL.Image.Image, imported late

COLOURS = {
    "red": (200, 30, 35),
    "green": (20, 130, 60),
    "blue": (30, 70, 190),
    "yellow": (235, 200, 30),
    "purple": (120, 40, 150),
    "orange": (235, 120, 20),
}
KINDS = ("circle", "square", "triangle", "cross", "diamond")
# fmt: off
WORDS = (
    "harbour", "lantern", "meadow", "copper", "violin", "saddle", "thunder", "pepper",
    "walnut", "compass", "marble", "orchard", "ribbon", "anchor", "candle", "velvet",
    "glacier", "mustard", "pillow", "tunnel", "feather", "hammer", "island", "jacket",
    "kettle", "ladder", "magnet", "needle", "oyster", "parrot", "quartz", "rocket",
    "spider", "timber", "umbrella", "valley", "window", "yogurt", "zebra", "basket",
)
# fmt: on
_WIDTH, _HEIGHT, _COLUMNS, _ROWS = 288, 216, 4, 3


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape, in one cell of a grid of four columns and three rows, the first at the top left."""

    kind: str
    colour: str
    column: int
    row: int
    size: int

    @property
    def name(self) -> str:
        """Return colour and kind."""
        return f"{self.colour} {self.kind}"


@dataclass(frozen=True, slots=True)
class Scene:
    """What one drawn picture shows: `seed` decides only the ground that it is drawn on."""

    shapes: tuple[Shape, ...]
    word: str
    seed: int

    def count(self, kind: str) -> int:
        """Return how many shapes of this kind there are."""
        return sum(shape.kind == kind for shape in self.shapes)

    def single(self) -> tuple[Shape, ...]:
        """Return the shapes whose name no other shape of the scene has."""
        names = [shape.name for shape in self.shapes]
        return tuple(shape for shape in self.shapes if names.count(shape.name) == 1)


def make_scene(random: Random) -> Scene:
    """Return a scene in which one kind appears one to five times, with one to four other shapes."""
    cells = [(x, y) for x in range(_COLUMNS) for y in range(_ROWS)]
    random.shuffle(cells)
    repeated, *others = random.sample(KINDS, len(KINDS))
    kinds = [repeated] * random.randint(1, 5) + random.choices(others, k=random.randint(1, 4))
    shapes = tuple(
        Shape(kind, random.choice(tuple(COLOURS)), x, y, random.randint(18, 27))
        for kind, (x, y) in zip(kinds, cells, strict=False)
    )
    return Scene(shapes, random.choice(WORDS), random.randrange(1 << 30))


def draw(scene: Scene) -> Image:
    """Return the scene as a 288 x 216 picture, the sign in its bottom band."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    ground = np.random.default_rng(scene.seed)
    corners = ground.integers(120, 256, (2, 2, 3)).astype(np.uint8)
    image = Image.fromarray(corners).resize((_WIDTH, _HEIGHT), Image.Resampling.BICUBIC)
    grain = ground.normal(0, 5, (_HEIGHT, _WIDTH, 1))
    image = Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for shape in scene.shapes:
        _draw_shape(pen, shape)
    pen.text((_WIDTH // 2, _HEIGHT - 4), scene.word.upper(), (20, 20, 20), ImageFont.load_default(22), "mb")
    return image


def _draw_shape(pen: Any, shape: Shape) -> None:  # noqa: ANN401 - PIL is imported late
    x = (2 * shape.column + 1) * _WIDTH // (2 * _COLUMNS)
    y = (2 * shape.row + 1) * (_HEIGHT - 30) // (2 * _ROWS)
    s, fill, edge = shape.size, COLOURS[shape.colour], (20, 20, 20)
    if shape.kind == "circle":
        pen.ellipse((x - s, y - s, x + s, y + s), fill, edge, 2)
        return
    third = s // 3
    corners = {
        "square": [(-s, -s), (s, -s), (s, s), (-s, s)],
        "triangle": [(0, -s), (s, s), (-s, s)],
        "diamond": [(0, -s), (s, 0), (0, s), (-s, 0)],
        "cross": [
            *((-third, -s), (third, -s), (third, -third), (s, -third), (s, third), (third, third)),
            *((third, s), (-third, s), (-third, third), (-s, third), (-s, -third), (-third, -third)),
        ],
    }[shape.kind]
    pen.polygon([(x + dx, y + dy) for dx, dy in corners], fill, edge, 2)
