"""How many tokens an image becomes, by the named estimate."""

import math

from sft_audit.config import ImageTokens


def count_image_tokens(estimate: ImageTokens, width: int, height: int) -> int:
    """Return the tokens of one image of this size in pixels.

    llava-1.5: CLIP ViT-L/14 at 336 px, 24 x 24 patches whatever the size (arXiv 2310.03744, section 3.3).
    qwen2-vl: sides rounded to multiples of 28 px between 4 and 16,384 such squares, a token for each square
    (arXiv 2409.12191, section 2.1; `smart_resize` of its processor).
    """
    match estimate:
        case "llava-1.5":
            return 576
        case "qwen2-vl":
            return _squares(width, height, 28, 4, 16384)


def _squares(width: int, height: int, side: int, least: int, most: int) -> int:
    across, down = max(1, round(width / side)), max(1, round(height / side))
    if across * down > most:
        shrink = math.sqrt(width * height / (most * side * side))
        return max(1, math.floor(width / shrink / side)) * max(1, math.floor(height / shrink / side))
    if across * down < least:
        grow = math.sqrt(least * side * side / (width * height))
        return math.ceil(width * grow / side) * math.ceil(height * grow / side)
    return across * down
