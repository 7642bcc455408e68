"""Whether two thumbnails show the same picture: align them, then look for the largest local difference."""

from functools import cache
from typing import Any

from sft_audit.record.grey import SIDE

CROPS = (0.0, 0.015, 0.03)  # shares trimmed off each side before a comparison

# Chosen on one half of the sources that `bench/near_images.py` uses, measured on the other.
_LEAST_CORRELATION = 0.9
_RESIDUAL_WHOLE = 0.10  # of the flatter thumbnail's standard deviation
_RESIDUAL_CROPPED = 0.25
_RESIDUAL_LEVELS = 1.3  # grey levels that saving again costs, whatever the contrast
_LOCAL_WHOLE = 2.25  # largest difference at one cell; unit: 3 levels + 0.25 of the slope + 0.3 of the tone
_LOCAL_CROPPED = 8.0
_MOTION_WHOLE = 0.3  # cells by which the fit may still move a corner
_MOTION_CROPPED = 0.4
_TONE_SHARE = 0.13  # share by which a grey level may be brightened or darkened, beside:
_TONE_LEVELS = 14.0
_CHUNK = 256


def cropped(thumbnails: Any, share: float) -> Any:  # noqa: ANN401 - numpy, imported late
    """Return float32 (n, 32, 32): the pictures without this share of each side, brought back to 32 x 32."""
    levels = thumbnails.astype("float32")
    return _window(share) @ levels @ _window(share).T if share else levels


def compare(first: Any, second: Any) -> tuple[Any, Any, Any]:  # noqa: ANN401
    """Return whether each of n pairs of uint8 thumbnails agrees, how much (0 to 1), and after which trim."""
    import numpy as np

    parts = [
        _compare_some(first[at : at + _CHUNK], second[at : at + _CHUNK])
        for at in range(0, len(first), _CHUNK)
    ]
    if not parts:
        return np.empty(0, bool), np.empty(0), np.empty(0)
    agreed, similarity, crop = (np.concatenate(column) for column in zip(*parts, strict=True))
    return agreed, similarity, crop


def _compare_some(first: Any, second: Any) -> tuple[Any, Any, Any]:  # noqa: ANN401
    import numpy as np

    n = len(first)
    agreed, similarity, trimmed = np.zeros(n, bool), np.zeros(n), np.zeros(n)
    ways = [(cropped(first, a), cropped(second, b), max(a, b)) for a, b in _ways()]
    near = np.stack([_correlation(one, other) for one, other, _ in ways])
    best = near[1:].argmax(axis=0) + 1
    for way, (one, other, crop) in enumerate(ways):
        asked = np.flatnonzero((near[way] >= _LEAST_CORRELATION) & ~agreed & ((best == way) | (way == 0)))
        if not len(asked):
            continue
        fits, residual = _fits(one[asked], other[asked], cropped=crop > 0)
        found = asked[fits]
        agreed[found] = True
        similarity[found] = 1 - residual[fits]
        trimmed[found] = crop
    return agreed, similarity, trimmed


def _ways() -> list[tuple[float, float]]:
    return [(0.0, 0.0), *((crop, 0.0) for crop in CROPS[1:]), *((0.0, crop) for crop in CROPS[1:])]


def _correlation(one: Any, other: Any) -> Any:  # noqa: ANN401
    import numpy as np

    a = one - one.mean((1, 2), keepdims=True)
    b = other - other.mean((1, 2), keepdims=True)
    return (a * b).sum((1, 2)) / np.sqrt((a * a).sum((1, 2)) * (b * b).sum((1, 2)) + 1e-6)


def _fits(one: Any, other: Any, *, cropped: bool) -> tuple[Any, Any]:  # noqa: ANN401
    """Return whether a tone curve and a small motion turn one into the other, and the residual.

    The motion is one step of Lucas and Kanade (IJCAI 1981) with a shift and a scale on each axis; the tone
    curve is a cubic, so that levels clipped at white fit. The residual is in standard deviations of the
    flatter thumbnail. What must be small everywhere is the difference that neither explains: saving,
    resizing and lightening leave a little of it in every cell, another object leaves much of it in one.
    """
    import numpy as np

    swapped = (one.mean((1, 2)) > other.mean((1, 2)))[:, None, None]
    dark, bright = np.where(swapped, other, one), np.where(swapped, one, other)
    design, slope = _design((dark - 128) / 64, (bright - 128) / 64)
    change = ((bright - dark) / 64).reshape(len(dark), -1, 1)
    across = design.transpose(0, 2, 1)
    weights = np.linalg.solve(
        across @ design + 0.01 * np.eye(design.shape[2], dtype=np.float32), across @ change
    )
    left = 64 * np.abs(change - design @ weights)[:, :, 0]
    tone = 64 * np.abs(design[:, :, :4] @ weights[:, :4])[:, :, 0]
    motion = np.abs(weights[:, 4:, 0]).reshape(-1, 2, 2).sum(2).max(1)
    contrast = np.minimum(dark.std((1, 2)), bright.std((1, 2)))
    residual = np.sqrt((left * left).mean(1))
    share, local, moved = (
        (_RESIDUAL_CROPPED, _LOCAL_CROPPED, _MOTION_CROPPED)
        if cropped
        else (_RESIDUAL_WHOLE, _LOCAL_WHOLE, _MOTION_WHOLE)
    )
    fits = (
        (residual < np.maximum(share * contrast, 0 if cropped else _RESIDUAL_LEVELS))
        & ((left / (3 + 0.25 * slope + 0.3 * tone)).max(1) < local)
        & (motion < moved)
        & ((tone - _TONE_SHARE * dark.reshape(len(dark), -1)).max(1) < _TONE_LEVELS)
    )
    return fits, np.minimum(1, residual / np.maximum(contrast, 1e-6))


def _design(dark: Any, bright: Any) -> tuple[Any, Any]:  # noqa: ANN401
    """Return the columns (n, 1024, 8) that explain the change, and the slope (n, 1024) in levels a cell."""
    import numpy as np

    down, right = np.gradient((dark + bright) / 2, axis=(1, 2))
    centred = (np.arange(SIDE, dtype=np.float32) - (SIDE - 1) / 2) / (SIDE / 2)
    columns = [np.ones_like(dark), dark, dark**2, dark**3]
    columns += [right, right * centred, down, down * centred[:, None]]
    design = np.stack(columns, axis=-1).reshape(len(dark), SIDE * SIDE, -1)
    return design, 64 * np.hypot(right, down).reshape(len(dark), -1)


@cache
def _window(share: float) -> Any:  # noqa: ANN401
    """Return the (32, 32) matrix that trims one axis and resamples it, by Lanczos of three lobes."""
    import numpy as np

    centres = (share + (1 - 2 * share) * (np.arange(SIDE) + 0.5) / SIDE) * SIDE - 0.5
    reach = np.arange(-4, 5)
    sources = np.floor(centres).astype(int)[:, None] + reach
    offset = centres[:, None] - sources
    weight = np.where(np.abs(offset) < 3, np.sinc(offset) * np.sinc(offset / 3), 0)
    matrix = np.zeros((SIDE, SIDE))
    np.add.at(matrix, (np.arange(SIDE)[:, None], sources.clip(0, SIDE - 1)), weight)
    return (matrix / matrix.sum(1, keepdims=True)).astype(np.float32)
