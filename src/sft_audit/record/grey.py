"""What the grey levels of images measure: hash, sharpness, light, and the thumbnail."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

SIDE = 32
HASH_BITS = 64
_LOWEST = 12  # rows of the DCT that hold the 64 lowest frequencies


@dataclass(frozen=True, slots=True)
class Seen:
    """What is taken from one image's grey levels at once; the rest is worked out for many images together."""

    thumbnail: bytes
    histogram: Any
    sharpness: float


def look(grey: Any) -> Seen:  # noqa: ANN401 - numpy, imported late
    """Look at uint8 grey levels of shape (height, width)."""
    import numpy as np
    from PIL import Image

    image = Image.fromarray(grey)
    thumbnail = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR).tobytes()
    return Seen(thumbnail, np.array(image.histogram(), np.int64), _sharpness(grey))


def measures(seen: Sequence[Seen]) -> dict[str, list[Any]]:
    """Return the columns of the table `images` that come from grey levels, one value an image."""
    import numpy as np

    thumbnails = stacked([one.thumbnail for one in seen])
    counts = np.stack([one.histogram for one in seen]).astype(np.float64)
    share = counts / counts.sum(1, keepdims=True)
    levels = np.arange(256.0)
    mean = (share * levels).sum(1)
    deviation = np.sqrt((share * (levels - mean[:, None]) ** 2).sum(1))
    entropy = -(share * np.log2(share, out=np.zeros_like(share), where=share > 0)).sum(1)
    return {
        "phash": perceptual_hashes(thumbnails).tolist(),
        "sharpness": [one.sharpness for one in seen],
        "brightness": mean.tolist(),
        "contrast": deviation.tolist(),
        "entropy": np.abs(entropy).tolist(),
        "thumbnail": [one.thumbnail for one in seen],
    }


def stacked(thumbnails: Sequence[bytes]) -> Any:  # noqa: ANN401
    """Return thumbnails of 1,024 bytes as uint8 of shape (n, 32, 32)."""
    import numpy as np

    return np.frombuffer(b"".join(thumbnails), np.uint8).reshape(-1, SIDE, SIDE)


def perceptual_hashes(thumbnails: Any) -> Any:  # noqa: ANN401
    """Return uint64 (n,) of thumbnails (n, 32, 32): which of their low frequencies are above the median.

    Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions (2010), section 3.2.1, with the
    64 lowest frequencies but the mean instead of an 8 x 8 block, so that no bit is constant.
    """
    import numpy as np

    low = low_frequencies(thumbnails)
    bits = low > np.median(low, axis=1, keepdims=True)
    packed = np.ascontiguousarray(np.packbits(bits, axis=1))
    return packed.view(">u8")[:, 0].astype(np.uint64)


def low_frequencies(thumbnails: Any) -> Any:  # noqa: ANN401
    """Return float32 (n, 64): the DCT-II coefficients of the 64 lowest frequencies but the mean."""
    import numpy as np

    basis, chosen = _dct_basis()
    rows = basis @ thumbnails.astype(np.float32) @ basis.T
    return rows.reshape(len(thumbnails), _LOWEST**2)[:, chosen]


@cache
def _dct_basis() -> tuple[Any, Any]:
    """Return the first rows of the orthonormal 32-point DCT-II, and where its 64 frequencies lie."""
    import numpy as np

    k, n = np.arange(_LOWEST)[:, None], np.arange(SIDE)[None, :]
    basis = np.sqrt(2 / SIDE) * np.cos(np.pi * k * (2 * n + 1) / (2 * SIDE))
    basis[0] /= np.sqrt(2)
    u, v = np.divmod(np.arange(_LOWEST**2), _LOWEST)
    order = np.lexsort((u, np.maximum(u, v), u + v))
    return basis.astype(np.float32), order[1 : HASH_BITS + 1]


def _sharpness(grey: Any) -> float:  # noqa: ANN401
    """Return the variance of the 4-neighbour Laplacian on every fourth row.

    Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy, ICPR 2000 (LAPV).
    """
    import numpy as np

    height, width = grey.shape
    if height < 3 or width < 3:
        return 0.0
    above, row, below = (grey[at : height - 2 + at : 4].astype(np.int16) for at in range(3))
    laplacian = row[:, 1:-1] << 2
    for neighbour in (row[:, :-2], row[:, 2:], above[:, 1:-1], below[:, 1:-1]):
        laplacian -= neighbour
    spread = laplacian.astype(np.float32)
    mean: float = np.add.reduce(spread, axis=None) / spread.size
    spread *= spread
    square: float = np.add.reduce(spread, axis=None) / spread.size
    return max(0.0, float(square) - float(mean) ** 2)
