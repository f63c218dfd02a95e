"""Which images are not independent: exact and near duplicates become one group.

Found are equal pixels and pictures whose 32 x 32 textures correlate. Shifted views of one piece of
strip are not found this way: who knows of them writes a `groups.csv`.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]

BLOCK = 1024
AUTOMATIC = "auto:"
"""Begins the name of each group that was found here."""


def group_duplicates(hashes: Sequence[str], thumbnails: F32, correlation: float) -> list[str]:
    """A group name for each image.

    Args:
        hashes: equal for equal pixels.
        thumbnails: F32 `N x K`, unit vectors.
        correlation: images whose vectors' product reaches it are one group, transitively.
    """
    parent = list(range(len(hashes)))
    first: dict[str, int] = {}
    for index, digest in enumerate(hashes):
        _join(parent, index, first.setdefault(digest, index))
    for start in range(0, len(thumbnails), BLOCK):
        alike = thumbnails[start : start + BLOCK] @ thumbnails.T >= correlation
        for row, column in np.argwhere(alike).tolist():
            _join(parent, row + start, column)
    return [f"{AUTOMATIC}{_root(parent, index)}" for index in range(len(hashes))]


def _join(parent: list[int], a: int, b: int) -> None:
    a, b = _root(parent, a), _root(parent, b)
    parent[max(a, b)] = min(a, b)


def _root(parent: list[int], index: int) -> int:
    while parent[index] != index:
        parent[index] = parent[parent[index]]
        index = parent[index]
    return index
