"""The screen at work on one coil: which tiles need the network."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from contract.card import ScreenCard
from contract.tiles import TileGrid
from edge.types import F32, U8
from runtime.scale import cut_and_scale
from runtime.screen import Texture, blocks_of, half_tiles

Bools = npt.NDArray[np.bool_]


class Glance(NamedTuple):
    """What the screen saw of a section's tiles, and which of them are to be classified (`N`)."""

    half: U8
    blocks: F32
    suspicious: Bools

    def cut(self, pixels: U8, grid: TileGrid, side: int, out: U8) -> U8:
        """The suspicious tiles for the network; half resolution often is what it takes."""
        if self.half.shape[1] == side:
            return self.half[self.suspicious]
        return cut_and_scale(pixels, grid, side, out, self.suspicious)[self.suspicious]


class Screen:
    """Owned by the inspecting thread; it knows one coil and one model."""

    def __init__(self, card: ScreenCard) -> None:
        self._threshold = card.threshold
        self._texture = Texture()

    def look(self, pixels: U8, grid: TileGrid) -> Glance:
        """Look at a section. Until enough of the coil has been learned every tile is suspicious."""
        half = half_tiles(pixels, grid)
        blocks = blocks_of(half, grid.shape)
        return Glance(half, blocks, self._texture.suspicion(blocks) >= self._threshold)

    def learn(self, glance: Glance, defect: Bools) -> None:
        """Take the section as part of the coil, but for the tiles that the network calls defect."""
        self._texture.learn(glance.blocks, defect)
