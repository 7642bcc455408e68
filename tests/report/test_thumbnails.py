import base64
import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sft_audit.report.thumbnails import LONGEST, MOST_BYTES, read_pictures
from sft_audit.sample import content_hash
from sft_audit.store import Store

from . import synthetic

GREY = bytes(range(256)) * 4


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path, "1GB", 1)
    yield store
    store.close()


def scene(path: Path, size=(400, 200), **saving) -> Path:
    levels = np.linspace(0, 255, size[0], dtype=np.uint8)[None, :].repeat(size[1], 0)
    picture = np.stack([levels, levels // 2, np.zeros_like(levels)], axis=2)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, **saving)
    return path


def record(
    store: Store, data: bytes, uri: str, path: str, size=(400, 200), container="json_array", layout="{}"
) -> str:
    """Enter one image, as its recorder would."""
    image_id, name = content_hash(data), f"{path}:{uri}"
    content = Path(path).read_bytes() if Path(path).is_file() else b""
    synthetic.put(
        store, "files", "file path format container layout", [(path, path, "llava", container, layout)]
    )
    synthetic.put(
        store,
        "samples",
        "sample_id file position byte_offset n_bytes",
        [(name, path, 1, 1, len(content) - 2)],
    )
    synthetic.put(store, "image_uses", "sample_id slot uri image_id", [(name, 0, uri, image_id)])
    synthetic.put(store, "images", "image_id width height thumbnail", [(image_id, *size, GREY)])
    return image_id


def opened(picture) -> Image.Image:
    head, _, body = picture.uri.partition(";base64,")
    assert head in ("data:image/jpeg", "data:image/png")
    return Image.open(BytesIO(base64.b64decode(body)))


def test_a_picture_is_the_image_itself_at_most_160_px_in_colour(store, tmp_path):
    data = scene(tmp_path / "images" / "a.jpg", quality=95).read_bytes()
    image_id = record(store, data, "a.jpg", "rows.json")
    picture = read_pictures(store, synthetic.config(images=tmp_path / "images"), [image_id])[image_id]
    shown = opened(picture)
    assert shown.size == (picture.width, picture.height) == (LONGEST, LONGEST // 2)
    red, green, blue = shown.convert("RGB").getpixel((155, 40))
    assert red > 200 > green > 90 > 40 > blue


def test_orientation_is_applied(store, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = scene(tmp_path / "a.jpg", exif=exif).read_bytes()
    image_id = record(store, data, "a.jpg", "rows.json")
    picture = read_pictures(store, synthetic.config(images=tmp_path), [image_id])[image_id]
    assert (picture.width, picture.height) == (LONGEST // 2, LONGEST)


def test_an_image_inside_its_row_is_read_from_there(store, tmp_path):
    data = scene(tmp_path / "a.png").read_bytes()
    address = "data:image/png;base64," + base64.b64encode(data).decode()
    row = {
        "image": address,
        "conversations": [{"from": "human", "value": "<image>"}, {"from": "gpt", "value": "A."}],
    }
    (tmp_path / "rows.json").write_text(json.dumps([row]), encoding="utf-8")
    image_id = record(store, data, "embedded", str(tmp_path / "rows.json"))
    picture = read_pictures(store, synthetic.config(), [image_id])[image_id]
    assert picture.uri.startswith("data:image/jpeg")


@pytest.mark.parametrize("uri", ["../secret.png", "link.png", "/etc/passwd", "changed.png", "gone.png"])
def test_what_is_outside_changed_or_gone_is_shown_by_the_audits_own_thumbnail(store, tmp_path, uri):
    data = scene(tmp_path / "secret.png").read_bytes()
    root = tmp_path / "images"
    scene(root / "changed.png", size=(30, 30))
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    image_id = record(store, data, uri, "rows.json")
    picture = read_pictures(store, synthetic.config(images=root), [image_id])[image_id]
    assert opened(picture).size == (32, 32)
    assert opened(picture).tobytes() == GREY
    assert (picture.width, picture.height) == (160, 80)


def test_pictures_stop_when_their_bytes_are_spent(store, tmp_path):
    rng = np.random.default_rng(0)
    ids = []
    for number in range(200):
        path = tmp_path / f"{number}.png"
        Image.fromarray(rng.integers(0, 256, (160, 160, 3), dtype=np.uint8)).save(path)
        ids.append(record(store, path.read_bytes(), path.name, f"{number}.json", (160, 160)))
    pictures = read_pictures(store, synthetic.config(images=tmp_path), ids)
    assert list(pictures) == ids[: len(pictures)]
    assert len(pictures) < len(ids)
    assert sum(len(p.uri) for p in pictures.values()) < MOST_BYTES + 50_000
