"""Which images are not independent: exact and near duplicates become one group.

Found are equal pixels and pictures whose 32 x 32 textures correlate. Shifted views of one piece of
strip are not found this way: who knows of them writes a `groups.csv`.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

F32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

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
    first: dict[str, int] = {}
    roots = np.array([first.setdefault(digest, index) for index, digest in enumerate(hashes)])
    for start in range(0, len(hashes), BLOCK):
        alike = thumbnails[start : start + BLOCK] @ thumbnails.T >= correlation
        rows, columns = np.nonzero(alike)
        roots = _join(roots, rows + start, columns)
    return [f"{AUTOMATIC}{root}" for root in roots.tolist()]


def _join(roots: Ints, some: Ints, others: Ints) -> Ints:
    """The first member of each image's component, once these pairs are joined too."""
    count = len(roots)
    ends = np.concatenate([np.arange(count), some]), np.concatenate([roots, others])
    graph = coo_array((np.ones(len(ends[0]), bool), ends), shape=(count, count))
    _, labels = connected_components(graph, directed=False)
    _, first, member = np.unique(labels, return_index=True, return_inverse=True)
    joined: Ints = first[member]
    return joined
