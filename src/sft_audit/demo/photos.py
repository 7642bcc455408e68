"""Real photos that ship inside scikit-image's wheel, and what they show, written down by looking at them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sft_audit.errors import AuditError

Image = Any  # PIL.Image.Image, imported late


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo of `skimage.data`: a thing that it shows, true captions, a false one, questions with answers.

    `tiles` cuts it into so many columns and rows of separate photos (a texture is the same thing everywhere).
    """

    name: str
    thing: str
    captions: tuple[str, ...]
    facts: tuple[tuple[str, str], ...] = ()
    false: str | None = None
    tiles: tuple[int, int] = (1, 1)


PHOTOS = (
    Photo(
        "astronaut",
        "an astronaut",
        (
            "An astronaut in an orange suit smiles at the camera.",
            "A woman wears a space suit in front of a flag and a model of a space shuttle.",
            "Portrait of a smiling woman with short hair, her white helmet beside her.",
        ),
        (("What colour is the suit?", "Orange"), ("Does the person wear the helmet?", "No")),
        "An astronaut in a green suit frowns at the camera.",
    ),
    Photo(
        "camera",
        "a man with a camera",
        (
            "A man in a dark coat looks through a camera on a tripod.",
            "A photographer stands on a lawn with tall buildings far behind him.",
            "Black and white picture of a man filming outdoors.",
        ),
        (("What does the camera stand on?", "A tripod"),),
        "A man in a white coat looks through a telescope on a table.",
    ),
    Photo(
        "cat",
        "a cat",
        (
            "Close view of a tabby cat's face.",
            "A cat with green eyes lies on something soft.",
            "The head of a ginger tabby, whiskers and all.",
        ),
        (("What animal is this?", "Cat"), ("Are the animal's eyes open?", "Yes")),
        "A dog with brown eyes lies on something soft.",
    ),
    Photo(
        "coffee",
        "a cup of coffee",
        (
            "A cup of coffee on a saucer with a small spoon.",
            "An espresso stands on a wooden table.",
            "Someone has served coffee in a glazed brown cup.",
        ),
        (("Is there a spoon on the saucer?", "Yes"), ("What is the table made of?", "Wood")),
        "A glass of milk on a tray with a large fork.",
    ),
    Photo(
        "coins",
        "old coins",
        (
            "Four rows of old coins on a dark ground.",
            "Worn Greek coins, laid out in rows.",
            "A collection of round coins of several sizes.",
        ),
        (("How many rows of coins are there?", "4"), ("How many coins are there?", "24")),
        "Nine rows of new coins on a white ground.",
    ),
    Photo(
        "rocket",
        "a rocket",
        (
            "A rocket stands on its launch pad at dusk.",
            "A launch site lit by floodlights under a dark blue sky.",
            "Tall lattice towers surround a white rocket.",
        ),
        (("Has the rocket taken off?", "No"), ("What colour is the sky?", "Blue")),
        "A rocket rises from its launch pad at noon.",
    ),
    Photo(
        "stereo_motorcycle",
        "a motorcycle",
        (
            "A red motorcycle parked in a cluttered garage.",
            "A motorbike stands in front of shelves full of boxes.",
            "Side view of a motorcycle with a red tank.",
        ),
        (("What colour is the motorcycle?", "Red"), ("Is anyone riding the motorcycle?", "No")),
        "A blue motorcycle parked on an empty beach.",
    ),
    Photo(
        "page",
        "a printed page",
        (
            "A photographed page with a heading and a paragraph.",
            "Printed text, unevenly lit.",
        ),
        (("What is the heading of the page?", "Region-based segmentation"),),
    ),
    Photo(
        "text",
        "handwriting",
        (
            "Formulas written by hand on paper, seen at a slant.",
            "A photo of handwritten mathematics.",
        ),
        (("Is the writing printed or by hand?", "By hand"),),
    ),
    Photo(
        "clock",
        "a blurred clock",
        ("A clock face blurred by motion.", "A bright blurred oval on a grey ground."),
        (("Is the picture sharp?", "No"),),
    ),
    Photo(
        "cell",
        "a single cell",
        ("A bright cell with a dark rim under a microscope.", "Microscope picture of one round cell."),
        (("How many bright cells are there?", "1"),),
    ),
    Photo("retina", "the back of an eye", ("Part of a retina with its blood vessels.", "Fundus of an eye.")),
    Photo("brick", "a brick wall", ("A wall of bricks.", "Rows of bricks and mortar."), tiles=(2, 2)),
    Photo("grass", "dry grass", ("Dry grass from above.", "Blades of cut grass."), tiles=(2, 2)),
    Photo("gravel", "gravel", ("Small stones on the ground.", "Gravel from above."), tiles=(2, 2)),
    Photo(
        "hubble_deep_field",
        "galaxies",
        ("Many small galaxies on black sky.", "Deep space with far galaxies."),
        tiles=(3, 2),
    ),
    Photo(
        "immunohistochemistry",
        "stained tissue",
        ("Tissue stained brown and blue.", "Stained cells under a microscope."),
        tiles=(2, 2),
    ),
    Photo(
        "moon", "the surface of the moon", ("Craters on the moon.", "The grey lunar ground."), tiles=(2, 2)
    ),
)


def load_photos() -> Mapping[str, tuple[Photo, tuple[Image, ...]]]:
    """Return each photo by name with its pictures: one, or its tiles. Nothing is downloaded.

    Raises AuditError where scikit-image is not installed.
    """
    try:
        from skimage import data
    except ImportError:
        raise AuditError(
            "demo: its photos come with scikit-image, which is not installed; pip install 'sft-audit[demo]'"
        ) from None
    return MappingProxyType({p.name: (p, _pictures(getattr(data, p.name)(), p)) for p in PHOTOS})


def _pictures(pixels: Any, photo: Photo) -> tuple[Image, ...]:  # noqa: ANN401 - an array, or a stereo pair
    from PIL import Image

    whole = Image.fromarray(pixels[0] if isinstance(pixels, tuple) else pixels).convert("RGB")
    columns, rows = photo.tiles
    width, height = whole.width // columns, whole.height // rows
    tiles = [
        whole.crop((x * width, y * height, (x + 1) * width, (y + 1) * height))
        for y in range(rows)
        for x in range(columns)
    ]
    for tile in tiles:
        tile.thumbnail((384, 384))
    return tuple(tiles)
