"""Near-duplicates are found, and different pictures are not called so."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageDraw

from sft_audit.config import parse_config
from sft_audit.engine import Engine
from sft_audit.record import Recording
from sft_audit.record.decode import decode
from sft_audit.record.grey import look, perceptual_hashes, stacked
from sft_audit.record.near_images import near_images
from sft_audit.store import Store

Pair = tuple[str, str]


def seen(data: bytes) -> np.ndarray:
    return stacked([look(decode(data).grey).thumbnail])[0]


def thumbnail(image: Image.Image, quality: int = 90) -> np.ndarray:
    out = BytesIO()
    image.save(out, "JPEG", quality=quality)
    return seen(out.getvalue())


def pairs(folder: Path, thumbnails: dict[str, np.ndarray], workers: int = 1) -> list[tuple]:
    """Return the pairs that the recorder finds among these thumbnails."""
    folder.mkdir()
    stack = np.stack(list(thumbnails.values()))
    rows = {
        "image_id": list(thumbnails),
        "phash": perceptual_hashes(stack),
        "thumbnail": [one.tobytes() for one in stack],
    }
    store = Store(folder, "1GB", 1)
    store.insert("images", pa.table(rows))
    with Engine(workers) as engine:
        near_images(Recording(store, engine, parse_config({"data": "none"}, "test")))
    return store.rows("select * from near_images order by image_a, image_b")


def ids(found: list[tuple]) -> set[Pair]:
    return {(a, b) for a, b, *_ in found}


@pytest.fixture(scope="module")
def photos(shared_data: Path) -> dict[str, Image.Image]:
    paths = sorted((shared_data / "coco" / "images").glob("*.jpg"))[:60]
    return {path.stem: Image.open(path).convert("RGB") for path in paths}


def changed(image: Image.Image, how: str) -> np.ndarray:
    width, height = image.size
    match how:
        case "jpeg":
            return thumbnail(image, 50)
        case "resize":
            return thumbnail(image.resize((round(width * 0.7), round(height * 0.7))))
        case "bright":
            return thumbnail(image.point(lambda level: min(255, round(level * 1.1))))
        case "crop":
            x, y = round(width * 0.03), round(height * 0.03)
            return thumbnail(image.crop((x, y, width - x, height - y)))
        case "grey":
            return thumbnail(image.convert("L").convert("RGB"))
        case _:
            raise ValueError(how)


@pytest.mark.parametrize("how", ["jpeg", "resize", "bright", "crop", "grey"])
def test_copies_of_photos_are_found_and_nothing_else(photos: dict, how: str, tmp_path: Path) -> None:
    shown = {name: thumbnail(image) for name, image in photos.items()}
    shown |= {f"{name}~": changed(image, how) for name, image in photos.items()}
    found = ids(pairs(tmp_path / "audit", shown))
    wanted = {(name, f"{name}~") for name in photos}
    assert len(found & wanted) >= 0.95 * len(wanted)
    assert found <= wanted


def test_mirrored_and_turned_copies_are_other_pictures(photos: dict, tmp_path: Path) -> None:
    shown = {}
    for name, image in list(photos.items())[:20]:
        shown[name] = thumbnail(image)
        shown[f"{name}-mirrored"] = thumbnail(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
        shown[f"{name}-turned"] = thumbnail(image.transpose(Image.Transpose.ROTATE_180))
    assert pairs(tmp_path / "audit", shown) == []


def test_a_changed_object_is_another_picture(photos: dict, tmp_path: Path) -> None:
    shown = {}
    for name, image in photos.items():
        shown[name] = thumbnail(image)
        other = image.copy()
        x, y = image.width // 3, image.height // 3
        level = 255 if np.asarray(image.crop((x, y, x + 60, y + 60))).mean() < 128 else 0
        ImageDraw.Draw(other).rectangle((x, y, x + 60, y + 60), fill=(level,) * 3)
        shown[f"{name}~"] = thumbnail(other)
    assert pairs(tmp_path / "audit", shown) == []


def test_blank_images_are_not_compared(tmp_path: Path) -> None:
    shown = {str(level): np.full((32, 32), level, np.uint8) for level in range(0, 256, 16)}
    assert pairs(tmp_path / "audit", shown) == []


def test_no_image_at_all(tmp_path: Path) -> None:
    store = Store(tmp_path, "1GB", 1)
    with Engine(1) as engine:
        near_images(Recording(store, engine, parse_config({"data": "none"}, "test")))
    assert store.value("select count(*) from near_images") == 0


def test_a_large_cluster_stays_connected_and_small(photos: dict, tmp_path: Path) -> None:
    whole = thumbnail(next(iter(photos.values()))).astype(int)
    rng = np.random.default_rng(0)
    shown = {
        f"{number:03}": np.clip(whole + rng.integers(-1, 2, (32, 32)), 0, 255).astype(np.uint8)
        for number in range(300)
    }
    found = ids(pairs(tmp_path / "audit", shown))
    assert len(found) < 300 * 100
    reached, edge = {"000"}, {"000"}
    while edge:
        edge = {b if a in edge else a for a, b in found if (a in edge) != (b in edge)} - reached
        reached |= edge
    assert len(reached) == 300


def test_the_same_whatever_the_number_of_workers(photos: dict, tmp_path: Path) -> None:
    shown = {name: thumbnail(image) for name, image in photos.items()}
    shown |= {
        f"{name}~{how}": changed(image, how) for name, image in photos.items() for how in ("jpeg", "crop")
    }
    alone = pairs(tmp_path / "one", shown)
    assert alone == pairs(tmp_path / "two", shown, workers=2)
    assert all(a < b and 0 < similarity <= 1 for a, b, _, similarity, _ in alone)


def test_the_real_near_duplicates(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "fixtures" / "image-formats" / "near-duplicates"
    shown = {
        path.stem: seen(path.read_bytes())
        for path in sorted(folder.glob("*.jpg"))
        if "corrupt" not in path.stem
    }
    found = ids(pairs(tmp_path / "audit", shown))
    assert {("ukbench00120", "ukbench00120_gray"), ("ukbench00120", "ukbench00120_resize")} <= found
    assert not any(
        "hflip" in name or "rotation" in name or "09268" in name for pair in found for name in pair
    )
