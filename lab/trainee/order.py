"""The order in which SFT is shown its rows: image rows more often, ever more often, easy ones first."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import floor
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

_NOISY = 30  # median step between neighbouring pixels, of 255: 14 in a clear image, 57 in a dim one


@dataclass(frozen=True, slots=True)
class Schedule:
    """The share of image rows among those shown, from `first` at the start in a straight line to `last`.

    `easy_first`: of the image rows' views, the first half are clear images alone; each row is shown as often
    as without.
    """

    first: float
    last: float
    easy_first: bool = False

    def order(self, rows: Path, images: Path, n: int, seed: int) -> list[int]:
        """Return `n` positions of rows of a LLaVA file, each kind of row shuffled anew when it is through."""
        random = Random(seed * 3 + 6)
        names = [row.get("image") for row in json.loads(rows.read_text(encoding="utf-8"))]
        shown = self._pictured(n)
        pictured = _views([at for at, name in enumerate(names) if name], sum(shown), random)
        if self.easy_first:
            noisy = {name: is_noisy(images / name) for name in {names[at] for at in pictured}}
            pictured = _easy_first(pictured, {at: noisy[names[at]] for at in pictured}, random)
        texts = iter(_views([at for at, name in enumerate(names) if not name], n - sum(shown), random))
        seen = iter(pictured)
        return [next(seen) if one else next(texts) for one in shown]

    def _pictured(self, n: int) -> list[bool]:
        """Return which of `n` are image rows: as evenly as whole rows allow."""
        due = [self.first * at + (self.last - self.first) * at * at / (2 * n) for at in range(n + 1)]
        return [floor(after) > floor(before) for before, after in pairwise(due)]


def is_noisy(path: Path) -> bool:
    """Return whether an image is hard to see, by its pixels alone."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"), dtype=float)
    return float(np.median(abs(np.diff(pixels, axis=1)))) > _NOISY


def _views(rows: Sequence[int], n: int, random: Random) -> list[int]:
    def endless() -> Iterator[int]:
        while True:
            yield from random.sample(rows, len(rows))

    source = endless()
    return [next(source) for _ in range(n)]


def _easy_first(views: Sequence[int], hard: Mapping[int, bool], random: Random) -> list[int]:
    easy = [at for at in views if not hard[at]]
    half = len(views) // 2
    later = easy[half:] + [at for at in views if hard[at]]
    return easy[:half] + random.sample(later, len(later))
