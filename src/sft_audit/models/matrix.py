"""Rows of token ids of different lengths, padded to one matrix."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Matrix:
    """Token ids (n, length), 0 where padded, and the mask (n, length) of what is not padding.

    They are torch tensors where torch is installed, else numpy arrays.
    """

    ids: Any
    mask: Any

    def beside(self, right: Self) -> Self:
        """Return this matrix with another on its right."""
        join = _torch().cat if find_spec("torch") else _numpy().concatenate
        return type(self)(join([self.ids, right.ids], 1), join([self.mask, right.mask], 1))


def matrix(rows: Sequence[Sequence[int]], *, left: bool) -> Matrix:
    """Return rows of ids as a matrix, padded on the left or on the right."""
    longest = max((len(row) for row in rows), default=0)
    padded, masks = [], []
    for row in rows:
        empty = [0] * (longest - len(row))
        padded.append([*empty, *row] if left else [*row, *empty])
        masks.append([*empty, *[1] * len(row)] if left else [*[1] * len(row), *empty])
    if find_spec("torch"):
        torch = _torch()
        return Matrix(torch.tensor(padded, dtype=torch.int64), torch.tensor(masks, dtype=torch.int64))
    return Matrix(_numpy().array(padded, dtype="int64"), _numpy().array(masks, dtype="int64"))


def _torch() -> Any:  # noqa: ANN401 - torch has no types here
    import torch

    return torch


def _numpy() -> Any:  # noqa: ANN401
    import numpy as np

    return np
