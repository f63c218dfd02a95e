"""A camera that was knocked: the strip lies elsewhere in the picture, or beside it."""

from collections.abc import Callable

import numpy as np

from edge.types import F32
from tests.unit.runtime.small_bundle import SIDE

PIT = 4
"""Tiles of dark pit on either side of a strip in the middle."""


def aside(tiles: int) -> Callable[[F32], F32]:
    """A strip that filled the picture, in a wider one and so many tiles right of its middle; what
    does not fit is out of view.

    Its outermost columns are as dark as the pit: an edge is found one column outside of what is
    bright, and so the tiles begin where they were planted.
    """

    def move(strip: F32) -> F32:
        strip = strip.copy()
        strip[:, [0, -1]] = 0
        width = strip.shape[1] + 2 * PIT * SIDE
        room = np.zeros((len(strip), 3 * width), np.float32)
        left = width + (PIT + tiles) * SIDE
        room[:, left : left + strip.shape[1]] = strip
        return room[:, width : 2 * width]

    return move
