"""Image placeholders, as data sets and models spell them."""

import pytest

from sft_audit.readers.placeholder import count, without


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("", 0),
        ("<image>\nWhat?", 1),
        ("<image><image>", 2),
        ("a < b <image>", 1),
        ("<image 1> and <image 2>", 2),
        ("<image1>", 0),
        ("<|vision_start|><|image_pad|><|image_pad|><|vision_end|>", 1),
        ("<img><IMG_CONTEXT><IMG_CONTEXT></img>", 1),
        ("<img>a.jpg</img><img>b.jpg</img>", 2),
        ("<|image|><|image_1|>", 2),
        ("<video>", 0),
        ("<img>" * 1000, 0),
    ],
)
def test_placeholders_are_counted(text: str, n: int) -> None:
    assert count(text) == n


def test_text_without_placeholders() -> None:
    assert without("<image>\nWhat is <image 2>? ") == "What is ?"
