"""Image placeholders in text: the data set's own `<image>` and what models write in its place."""

import re

PATTERN = re.compile(
    r"<image>"
    r"|<image \d+>"
    r"|<\|vision_start\|>(?:<\|image_pad\|>)*<\|vision_end\|>"
    r"|(?:<\|image_pad\|>)+"
    r"|<\|image(?:_\d+)?\|>"
    r"|<img>[^<]*(?:<(?!/?img>)[^<]*)*</img>"
    r"|(?:<IMG_CONTEXT>)+"
)


def count(text: str) -> int:
    """Return how many image placeholders the text holds."""
    plain = text.count("<image>")
    if text.count("<") == plain:
        return plain
    return sum(1 for _ in PATTERN.finditer(text))


def without(text: str) -> str:
    """Return the text with its image placeholders taken out and the ends trimmed."""
    return PATTERN.sub("", text).strip() if "<" in text else text.strip()
