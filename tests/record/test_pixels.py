"""Every distinct image is opened once, whatever it is, and every use says what was found."""

import json
import os
import random
import subprocess
import sys
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from sft_audit.config import parse_config
from sft_audit.engine import Engine
from sft_audit.record import Recording, all_recorders
from sft_audit.record.decode import UndecodableError, decode
from sft_audit.record.grey import look, measures
from sft_audit.record.image_tokens import count_image_tokens
from sft_audit.record.places import ImageRoot
from sft_audit.store import Store
from sft_audit.testing import make_images


def recorded(out: Path, data: Path, images: Path | None, workers: int = 1, **options: object) -> Store:
    """Return a store with the samples read and the images opened."""
    out.mkdir()
    config = parse_config({"data": data, "images": images, **options}, "test")
    store = Store(out, "1GB", 1)
    with Engine(workers) as engine:
        for name in ("samples", "pixels"):
            all_recorders()[name].run(Recording(store, engine, config))
    return store


def write_rows(path: Path, *uris: str) -> Path:
    turns = [{"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "A box."}]
    path.write_text(json.dumps([{"image": uri, "conversations": turns} for uri in uris]))
    return path


def problems(store: Store) -> dict[str, str | None]:
    return dict(store.rows("select uri, problem from image_uses"))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures") / "images"
    make_images(folder)
    return folder


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def test_each_problem_has_its_own_name(images: Path, tmp_path: Path) -> None:
    (images / "folder.jpg").mkdir(exist_ok=True)
    link = images / "out.jpg"
    link.unlink(missing_ok=True)
    link.symlink_to("/etc/hostname")
    expected = {
        "kitchen.jpg": None,
        "./kitchen.jpg": None,
        "kitchen.jpg###[1, 2, 3, 4]": None,
        str(images / "kitchen.jpg"): None,
        f"file://{images}/kitchen.jpg": None,
        "nowhere.jpg": "missing",
        "nowhere/kitchen.jpg": "missing",
        "kitchen.jpg/more": "missing",
        "a" * 5000: "missing",
        "../rows.json": "outside_root",
        "/etc/hostname": "outside_root",
        "out.jpg": "outside_root",
        "https://example.com/a.jpg": "remote",
        "s3://bucket/a.jpg": "remote",
        "folder.jpg": "is_a_folder",
        "error-page.jpg": "not_an_image",
        "empty.jpg": "empty_file",
        "cut.jpg": "truncated",
        "bomb.png": "bomb",
        "alpha.png": None,
        "animated.gif": None,
        "cmyk.jpg": None,
        "deep.png": None,
    }
    rows = write_rows(images.parent / "rows.json", *expected)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        store = recorded(tmp_path / "audit", rows, images)
    assert problems(store) == expected
    assert (
        store.value("select count(*) from image_uses where (problem is null) <> (image_id is not null)") == 0
    )
    assert store.value("select count(*) from image_uses where (problem is null) <> (detail is null)") == 0


def test_without_an_image_folder_nothing_beside_the_data_is_opened(images: Path, tmp_path: Path) -> None:
    rows = write_rows(
        images.parent / "rows.json", "images/kitchen.jpg", str(images / "street.jpg"), "/etc/hostname"
    )
    store = recorded(tmp_path / "audit", rows, None)
    assert list(problems(store).values()) == [None, None, "outside_root"]
    assert list(problems(recorded(tmp_path / "all", rows, Path("/"))).values())[2] == "not_an_image"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert ImageRoot(str(tmp_path)).locate("pipe.jpg").problem == "not_an_image"


def test_what_a_row_cannot_name_is_missing(tmp_path: Path) -> None:
    root = ImageRoot(str(tmp_path))
    assert [root.locate(uri).problem for uri in ("a\0b", "\udcff", "x", "")] == ["missing"] * 3 + [
        "is_a_folder"
    ]


def test_a_link_that_leads_nowhere_is_missing(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").symlink_to("b.jpg")
    (tmp_path / "b.jpg").symlink_to("a.jpg")
    (tmp_path / "c.jpg").symlink_to("nowhere.jpg")
    root = ImageRoot(str(tmp_path))
    assert [root.locate(uri).problem for uri in ("a.jpg", "a.jpg/x.jpg", "c.jpg")] == ["missing"] * 3


def test_what_we_cannot_read_is_not_called_broken(images: Path, tmp_path: Path) -> None:
    with (images / "huge.png").open("wb") as huge:
        huge.truncate((256 << 20) + 1)
    for kind in ("tga", "pcx", "qoi", "icns"):
        Image.open(images / "kitchen.jpg").save(images / f"other.{kind}")
    names = ["huge.png", "other.tga", "other.pcx", "other.qoi", "other.icns"]
    store = recorded(tmp_path / "audit", write_rows(images.parent / "rows.json", *names), images)
    (images / "huge.png").unlink()
    assert problems(store) == dict.fromkeys(names, "unreadable")
    assert store.value("select detail from image_uses where uri = 'other.tga'") == (
        "a TGA image, a format that is not decoded here"
    )


def test_too_little_memory_is_not_the_fault_of_the_file(tmp_path: Path) -> None:
    Image.new("RGB", (12_000, 12_000)).save(tmp_path / "large.png", compress_level=1)
    program = """
import resource, sys
from pathlib import Path
from PIL import Image
import numpy
from sft_audit.record.decode import UndecodableError, decode
data = Path(sys.argv[1]).read_bytes()
held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + (200 << 20),) * 2)
try:
    decode(data)
except UndecodableError as fault:
    print(fault.kind, fault.detail)
"""
    shown = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "large.png"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "unreadable there was not enough memory to decode it"


def test_the_root_itself_may_be_a_link(images: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(images, target_is_directory=True)
    assert ImageRoot(str(tmp_path / "link")).locate("kitchen.jpg").problem is None


def test_header_facts(images: Path, tmp_path: Path) -> None:
    names = ("kitchen.jpg", "blank.png", "alpha.png", "animated.gif", "cmyk.jpg", "deep.png", "turned.jpg")
    store = recorded(tmp_path / "audit", write_rows(images.parent / "rows.json", *names), images)
    facts = {
        uri: rest
        for uri, *rest in store.rows(
            "select uri, format, mode, width, height, orientation, frames, alpha from images"
        )
    }
    assert facts == {
        "kitchen.jpg": ["JPEG", "RGB", 192, 144, 1, 1, False],
        "blank.png": ["PNG", "RGB", 128, 96, 1, 1, False],
        "alpha.png": ["PNG", "RGBA", 192, 144, 1, 1, True],
        "animated.gif": ["GIF", "P", 192, 144, 1, 3, False],
        "cmyk.jpg": ["JPEG", "CMYK", 192, 144, 1, 1, False],
        "deep.png": ["PNG", "I;16B", 192, 144, 1, 1, False],
        "turned.jpg": ["JPEG", "RGB", 192, 144, 6, 1, False],
    }


def test_each_content_is_one_image_named_by_its_first_address(images: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    for name in ("b.jpg", "a.jpg"):
        (folder / name).write_bytes((images / "kitchen.jpg").read_bytes())
    (folder / "c.jpg").write_bytes((images / "street.jpg").read_bytes())
    store = recorded(
        tmp_path / "audit", write_rows(tmp_path / "rows.json", "c.jpg", "b.jpg", "a.jpg", "b.jpg"), folder
    )
    assert store.rows("select uri from images") == [("c.jpg",), ("b.jpg",)]
    assert store.value("select count(distinct image_id) from image_uses") == 2


def test_images_inside_rows(images: Path, tmp_path: Path) -> None:
    import base64

    data = [(images / name).read_bytes() for name in ("kitchen.jpg", "cut.jpg", "kitchen.jpg", "alpha.png")]
    turns = [[{"role": "user", "content": "<image>What?"}, {"role": "assistant", "content": "A box."}]] * 4
    table = pa.table({"messages": turns, "images": [[{"bytes": one, "path": None}] for one in data]})
    pq.write_table(table, tmp_path / "rows.parquet")
    store = recorded(tmp_path / "parquet", tmp_path / "rows.parquet", None)
    assert store.rows("select problem from image_uses order by sample_id") == [
        (None,),
        ("truncated",),
        (None,),
        (None,),
    ]
    assert store.value("select count(*) from images") == 2
    address = "data:image/jpeg;base64," + base64.b64encode(data[0]).decode()
    lines = write_rows(tmp_path / "rows.json", address, "data:image/png;base64,AAAA", "kitchen.jpg")
    store = recorded(tmp_path / "lines", lines, images)
    assert [p for _, p in store.rows("select slot, problem from image_uses order by sample_id")] == [
        None,
        "not_an_image",
        None,
    ]
    assert store.value("select count(*) from images") == 1


def test_the_same_whatever_the_number_of_workers(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "coco"
    made = []
    for workers in (1, 2):
        store = recorded(
            tmp_path / f"audit{workers}", folder / "llava.json", folder / "images", workers, sample=300
        )
        made.append(
            [
                store.rows("select * from images"),
                store.rows("select * from image_uses order by sample_id, slot"),
            ]
        )
    assert made[0] == made[1]
    assert len(made[0][0]) > 100


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"quality": 90}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("GIF", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("WEBP", {}),
        ("PPM", {}),
    ],
)
def test_a_file_cut_anywhere_is_seen(kind: str, options: dict) -> None:
    rng = np.random.default_rng(1)
    image = Image.fromarray(rng.integers(0, 256, (90, 120, 3), np.uint8)).resize((360, 270))
    whole = saved(image, kind, **options)
    assert decode(whole).width == 360
    draw = random.Random(kind)
    for _ in range(25):
        cut = whole[: draw.randrange(1, int(len(whole) * 0.99))]
        with pytest.raises(UndecodableError) as seen:
            decode(cut)
        assert seen.value.kind in ("truncated", "corrupt", "not_an_image")


def test_damage_is_seen_or_harmless(images: Path) -> None:
    """Whatever bytes are changed, decoding ends in measures or in a named problem."""
    draw, kinds = random.Random(2), set()
    for name in ("kitchen.jpg", "alpha.png", "animated.gif", "deep.png", "cmyk.jpg", "turned.jpg"):
        whole = (images / name).read_bytes()
        for _ in range(40):
            damaged = bytearray(whole)
            for _ in range(draw.randrange(1, 20)):
                damaged[draw.randrange(len(damaged))] = draw.randrange(256)
            try:
                measures([look(decode(bytes(damaged)).grey)])
            except UndecodableError as fault:
                kinds.add(fault.kind)
    assert kinds <= {"truncated", "corrupt", "not_an_image", "bomb"}


def test_bytes_that_decoders_pass_over_are_no_damage(images: Path) -> None:
    whole = (images / "kitchen.jpg").read_bytes()
    assert decode(whole + b"trailing").width == 192
    assert decode(whole[:-2] + b"\0\0\0" + whole[-2:]).width == 192


def test_measures() -> None:
    black, ramp = np.zeros((40, 60), np.uint8), np.tile(np.arange(256, dtype=np.uint8), (64, 1))
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (100, 100)).astype(np.uint8)
    made = measures([look(one) for one in (black, ramp, noise)])
    assert made["brightness"] == pytest.approx([0, 127.5, noise.mean()])
    assert made["contrast"] == pytest.approx([0, ramp.std(), noise.std()])
    assert made["entropy"] == pytest.approx([0, 8, 8], abs=0.05)
    up, row, down = (noise[at : 98 + at : 4].astype(float) for at in range(3))
    laplacian = 4 * row[:, 1:-1] - up[:, 1:-1] - down[:, 1:-1] - row[:, :-2] - row[:, 2:]
    assert made["sharpness"] == pytest.approx([0, 0, laplacian.var()], rel=1e-4)
    assert [len(one) for one in made["thumbnail"]] == [1024] * 3


@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (3000, 2), (2, 2)])
def test_images_of_any_shape(shape: tuple[int, int]) -> None:
    image = Image.fromarray(np.full(shape, 77, np.uint8))
    for kind in ("JPEG", "PNG"):
        made = measures([look(decode(saved(image, kind)).grey)])
        assert made["brightness"][0] == pytest.approx(77, abs=1)


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    levels = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (64, 1))
    assert measures([look(decode(saved(Image.fromarray(levels), "PNG")).grey)])["brightness"][
        0
    ] == pytest.approx(127, abs=1)


def test_the_real_formats(shared_data: Path) -> None:
    folder = shared_data / "fixtures" / "image-formats"
    found = {path.name: decode(path.read_bytes()) for path in (folder / "formats_images").iterdir()}
    assert {name: (one.format, one.mode, one.frames > 1) for name, one in found.items()} == {
        "Iggy.1024.ppm": ("PPM", "RGB", False),
        "baboon.pgm": ("PPM", "L", False),
        "copyleft.tiff": ("TIFF", "RGB", False),
        "giphy.gif": ("GIF", "P", True),
        "marbles.pbm": ("PPM", "1", False),
    }
    opaque = decode((folder / "alpha_channel_image.png").read_bytes())
    assert (opaque.mode, opaque.alpha) == ("RGBA", False)
    with pytest.raises(UndecodableError):
        decode((folder / "near-duplicates" / "ukbench09268_corrupt.jpg").read_bytes())


@pytest.mark.parametrize(
    ("estimate", "width", "height", "tokens"),
    [
        ("llava-1.5", 3000, 20, 576),
        ("qwen2-vl", 280, 140, 50),
        ("qwen2-vl", 10, 10, 4),
        ("qwen2-vl", 20_000, 20_000, 127 * 127),
        ("qwen2-vl", 640, 480, 23 * 17),
    ],
)
def test_image_tokens(estimate: str, width: int, height: int, tokens: int) -> None:
    assert count_image_tokens(estimate, width, height) == tokens
