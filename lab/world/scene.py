"""Four coloured shapes, each in its corner, under pixel noise."""

from dataclasses import dataclass
from random import Random

import numpy as np
from PIL import Image

COLOURS = {
    "red": (215, 35, 35),
    "green": (30, 150, 60),
    "blue": (35, 60, 210),
    "yellow": (235, 220, 40),
    "white": (245, 245, 245),
    "black": (15, 15, 15),
}
SHAPES = ("circle", "square", "triangle", "cross")
PLACES = ("top left", "top right", "bottom left", "bottom right")
SIDE, CELL = 32, 16  # pixels of an image, and of one of its corners
_GREY = 128
_NOISE, _DIM_NOISE = 15, 60  # standard deviation, of 255
_LEFT = 0.155  # of what tells the colours of a dim image from grey
_DIM = 0.4  # of the images, so that honest accuracy stays below 1


@dataclass(frozen=True, slots=True)
class Scene:
    """The shapes and colours by place; `noise` seeds the pixels."""

    shapes: tuple[str, ...]
    colours: tuple[str, ...]
    dim: bool
    noise: int

    @classmethod
    def draw(cls, random: Random) -> "Scene":
        """Draw a scene: every shape once, the colours independent of the shapes and of one another."""
        shapes = tuple(random.sample(SHAPES, len(SHAPES)))
        colours = tuple(random.choices(tuple(COLOURS), k=len(PLACES)))
        return cls(shapes, colours, random.random() < _DIM, random.getrandbits(32))

    @property
    def things(self) -> tuple[str, ...]:
        """Return what stands at each place, as "red circle"."""
        return tuple(f"{colour} {shape}" for colour, shape in zip(self.colours, self.shapes, strict=True))

    def picture(self) -> Image.Image:
        """Return the image, RGB, 32 x 32 pixels."""
        pixels = np.full((SIDE, SIDE, 3), float(_GREY))
        for place, (shape, colour) in enumerate(zip(self.shapes, self.colours, strict=True)):
            row, column = (CELL * part for part in divmod(place, 2))
            pixels[row : row + CELL, column : column + CELL][_MASKS[shape]] = COLOURS[colour]
        if self.dim:
            pixels = _GREY + _LEFT * (pixels - _GREY)
        noise = np.random.default_rng(self.noise).normal(0, _DIM_NOISE if self.dim else _NOISE, pixels.shape)
        return Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8))


def _masks() -> dict[str, np.ndarray]:
    down, across = np.mgrid[0:CELL, 0:CELL] - (CELL - 1) / 2
    return {
        "circle": across**2 + down**2 < 42,
        "square": (abs(across) < 7) & (abs(down) < 7),
        "triangle": (abs(down) < 7.6) & (abs(across) < (down + 8) / 2),
        "cross": abs(abs(across) - abs(down)) < 2,
    }


_MASKS = _masks()
