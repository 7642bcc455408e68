"""Image files as a model is given them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sft_audit.record.decode import UndecodableError
from sft_audit.record.pictures import open_picture
from sft_audit.testing import make_images


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures") / "images"
    make_images(folder)
    return folder


@pytest.mark.parametrize("name", ["kitchen.jpg", "alpha.png", "animated.gif", "cmyk.jpg", "deep.png"])
def test_every_kind_comes_as_rgb(images: Path, name: str) -> None:
    picture = open_picture(str(images / name))
    assert (picture.mode, picture.size) == ("RGB", (192, 144))


def test_it_is_turned_as_its_camera_held_it(images: Path) -> None:
    picture = open_picture(str(images / "turned.jpg"))
    assert picture.size == (144, 192)
    with Image.open(images / "turned.jpg") as stored:
        assert np.array_equal(np.asarray(picture), np.rot90(np.asarray(stored), -1))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("bomb.png", "bomb"),
        ("cut.jpg", "truncated"),
        ("error-page.jpg", "not_an_image"),
        ("empty.jpg", "missing"),
        ("nowhere.jpg", "missing"),
        ("", "missing"),
    ],
)
def test_what_is_no_image_is_told(images: Path, name: str, kind: str) -> None:
    with pytest.raises(UndecodableError) as fault:
        open_picture(str(images / name))
    assert fault.value.kind == kind


@pytest.mark.parametrize("address", ["kitchen.jpg", "http://x.org/kitchen.jpg", "embedded", "a\0b"])
def test_an_address_that_is_no_path_opens_nothing(images: Path, address: str, monkeypatch) -> None:
    monkeypatch.chdir(images)
    with pytest.raises(UndecodableError):
        open_picture(address)
