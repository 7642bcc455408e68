"""Distinct pictures to measure on (photos, drawn scenes, documents), and near-duplicates of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow.parquet as pq
from PIL import Image, ImageDraw, ImageFont

Half = Literal["tune", "measure"]
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: what it is, and its file's bytes."""

    name: str
    kind: str
    data: bytes


def distinct(n: int, half: Half, drawn: Path) -> list[Picture]:
    """Return n distinct pictures of one half of the sources; `drawn` is the folder of easy-vqa.

    The halves share no photo, no scan and no drawn scene. Rendered documents fill up what the others leave.
    """
    some = [*photos(half), *tiles(half), *scenes(half, drawn), *figures(half), *scans(half)]
    seed = {"tune": 1, "measure": 2}[half]
    some += islice(rendered(seed), max(0, n - len(some)))
    order = np.random.default_rng(seed).permutation(len(some))[:n]
    return [some[at] for at in order]


def photos(half: Half) -> Iterator[Picture]:
    """Yield whole photos: COCO's, and scikit-image's (all in the half `measure`)."""
    for name, image in _photos(half):
        yield Picture(name, "photo", jpeg(image, 90))


def tiles(half: Half) -> Iterator[Picture]:
    """Yield crops of the photos in four sizes; those of one size do not overlap."""
    for name, image in _photos(half):
        for side in (256, 128, 96, 64):
            for top in range(0, image.height - side + 1, side):
                for left in range(0, image.width - side + 1, side):
                    tile = image.crop((left, top, left + side, top + side))
                    yield Picture(f"{name}-{side}-{left}-{top}", "photographic crop", jpeg(tile, 90))


def scenes(half: Half, drawn: Path) -> Iterator[Picture]:
    """Yield drawn scenes: NLVR's boxes, easy-vqa's single shapes; files of equal bytes only once."""
    seen = set()
    files = [*sorted(SHARED.glob("nlvr/**/*.png")), *sorted(drawn.rglob("*.png"))]
    for at, path in enumerate(files):
        data = path.read_bytes()
        if _half(at) == half and data not in seen:
            seen.add(data)
            yield Picture(f"{path.parent.parent.name}-{path.stem}", "drawn scene", data)


def figures(half: Half) -> Iterator[Picture]:
    """Yield the figures of MATH-Vision and PuzzleVQA; files of equal bytes only once."""
    seen = set()
    for name in ("mathv", "puzzle"):
        for at, row in enumerate(pq.read_table(SHARED / name / "train.parquet").to_pylist()):
            for data in _image_bytes(row):
                if _half(at) == half and data not in seen:
                    seen.add(data)
                    yield Picture(f"{name}-{at}", "figure", data)


def scans(half: Half) -> Iterator[Picture]:
    """Yield receipts, and crops of them that do not overlap."""
    for at, path in enumerate(sorted(SHARED.glob("receipts/**/*.jpg"))):
        if _half(at) != half:
            continue
        yield Picture(path.stem, "document", path.read_bytes())
        image = Image.open(path).convert("RGB")
        for top in range(0, image.height - 299, 300):
            for left in range(0, image.width - 299, 300):
                tile = image.crop((left, top, left + 300, top + 300))
                yield Picture(f"{path.stem}-{left}-{top}", "document", jpeg(tile, 90))


def rendered(seed: int) -> Iterator[Picture]:
    """Yield pages of text, filled-in tables and bar charts without end, each of one layout."""
    rng = np.random.default_rng(seed)
    at = 0
    while True:
        draw = (_page, _table, _chart)[at % 3]
        yield Picture(f"{draw.__name__[1:]}-{seed}-{at}", "document", png(draw(rng)))
        at += 1


PLANTS: dict[str, Callable[[Image.Image], bytes]] = {
    "jpeg50": lambda image: jpeg(image, 50),
    "resize0.7": lambda image: jpeg(
        image.resize((round(image.width * 0.7), round(image.height * 0.7)), Image.Resampling.BICUBIC), 90
    ),
    "bright1.1": lambda image: jpeg(image.point(lambda level: min(255, round(level * 1.1))), 90),
    "crop3%": lambda image: jpeg(_cropped(image, 0.03), 90),
}


def plant(picture: Picture, how: str) -> Picture:
    """Return a near-duplicate of the picture."""
    image = Image.open(BytesIO(picture.data)).convert("RGB")
    return Picture(f"{picture.name}-{how}", how, PLANTS[how](image))


def jpeg(image: Image.Image, quality: int) -> bytes:
    """Return the picture as a JPEG file."""
    out = BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def png(image: Image.Image) -> bytes:
    """Return the picture as a PNG file."""
    out = BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


def _cropped(image: Image.Image, share: float) -> Image.Image:
    """Return the picture without this share of its width and height on each of its four sides."""
    x, y = round(image.width * share), round(image.height * share)
    return image.crop((x, y, image.width - x, image.height - y))


def _half(at: int) -> Half:
    return "tune" if at % 2 else "measure"


def _photos(half: Half) -> Iterator[tuple[str, Image.Image]]:
    for at, path in enumerate(sorted(SHARED.glob("coco/images/*.jpg"))):
        if _half(at) == half:
            yield path.stem, Image.open(path).convert("RGB")
    if half == "measure":
        from skimage import data

        for name in (
            "astronaut",
            "camera",
            "coffee",
            "chelsea",
            "coins",
            "hubble_deep_field",
            "rocket",
            "retina",
        ):
            yield name, Image.fromarray(getattr(data, name)()).convert("RGB")


def _image_bytes(row: object) -> Iterator[bytes]:
    match row:
        case {"bytes": bytes(data)}:
            yield data
        case dict():
            for value in row.values():
                yield from _image_bytes(value)
        case list():
            for value in row:
                yield from _image_bytes(value)


_FONT = ImageFont.load_default_imagefont()
_LETTERS = np.array(list("etaoinshrdlucmfwypvbgkjqxz"))
_SHARES = 0.9 ** np.arange(26) / (0.9 ** np.arange(26)).sum()


def _words(rng: np.random.Generator, n: int) -> list[str]:
    letters = "".join(rng.choice(_LETTERS, 9 * n, p=_SHARES))
    ends = np.cumsum(rng.integers(2, 9, n))
    return [letters[a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True)]


def _page(rng: np.random.Generator) -> Image.Image:
    image = Image.new("L", (620, 800), 255)
    draw = ImageDraw.Draw(image)
    words, y = _words(rng, 720), 60
    while y < 740 and words:
        line = ""
        while words and len(line) + len(words[-1]) < 82:
            line += words.pop() + " "
        if rng.random() < 0.12:
            line = line[: rng.integers(5, 60)]
        draw.text((60, y), line, 20, font=_FONT)
        y += 15
    return image


def _table(rng: np.random.Generator) -> Image.Image:
    image = Image.new("L", (640, 480), 255)
    draw = ImageDraw.Draw(image)
    for row in range(12):
        for column, name in enumerate(_words(rng, 6)):
            x, y = 20 + 100 * column, 20 + 36 * row
            draw.rectangle((x, y, x + 100, y + 36), outline=90)
            text = name if row == 0 or column == 0 else f"{rng.integers(0, 100000)}"
            draw.text((x + 8, y + 9), text, 0, font=_FONT)
    return image


def _chart(rng: np.random.Generator) -> Image.Image:
    image = Image.new("L", (480, 360), 255)
    draw = ImageDraw.Draw(image)
    draw.line((50, 20, 50, 320, 460, 320), 0, 2)
    for bar, name in enumerate(_words(rng, 8)):
        x = 60 + 50 * bar
        draw.rectangle((x, 320 - int(rng.integers(10, 290)), x + 34, 320), fill=110)
        draw.text((x, 326), name[:6], 0, font=_FONT)
    return image
