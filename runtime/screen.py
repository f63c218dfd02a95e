"""A cheap look at tiles before the network: which of them differ from this strip's own texture?

A tile is seen at half resolution in blocks of 8 x 8 camera pixels; of each block the mean grey and
the mean gradient along and across are taken. `Texture` holds what is usual on the strip under the
camera: per column of blocks a level (light and streaks run along), and for all together a spread.
A tile's suspicion is that of its most unusual block, in standard deviations. A threshold on it,
calibrated in `export.screen` with this same code, divides tiles to classify from tiles to screen.

A strip's texture never depends on that threshold: only then does the number of defects below a
threshold rise with it, which the bound on the miss rate rests on.
"""

import math

import cv2
import numpy as np
import numpy.typing as npt

from contract.tiles import TileGrid
from runtime.scale import cut_and_scale

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]

FEATURES = "blocks-1"
"""Name of all that decides a tile's suspicion, constants included: changed with any of them."""
TILE_STEP = 16
"""A tile's side must be a multiple: whole blocks of whole pixels at half resolution."""
BLOCK = 4
"""Side of a block in pixels at half resolution. Twice as much let faint roll marks through."""
LEARN_STEP = 4
"""Only each fourth row of blocks is learned from: as good a median for a quarter of the price."""
FIRST_ROWS = 8
"""Rows of tiles to learn from before anything is screened: a frame of 1,024 lines at 128 px."""
MEMORY_ROWS = 22.0
"""Rows of tiles after which what was learned counts for 1/e."""
LEAST_SPREAD = 0.05
"""In grey levels; a drawn picture may have none."""
_NORMAL = 1.4826
"""Standard deviation of a normal distribution by its median absolute deviation."""


def half_tiles(pixels: U8, grid: TileGrid) -> U8:
    """The tiles at half resolution, U8 `N x side/2 x side/2`: what `blocks_of` looks at, and the
    network's own input where that is half a tile's side.
    """
    return cut_and_scale(pixels, grid, grid.tile_rows // 2)


def blocks_of(half: U8, shape: tuple[int, int]) -> F32:
    """Grey, gradient along and gradient across of each block of tiles, F32
    `3 x along x across x k x k`; `shape` is that of their grid.
    """
    side = half.shape[1]
    flat = half.reshape(-1, side)
    along, across = np.empty_like(half), np.empty_like(half)
    cv2.absdiff(flat[1:], flat[:-1], dst=along.reshape(-1, side)[:-1])
    along[:, -1] = along[:, -2]  # else it would be the step to the next tile
    across[..., :-1] = cv2.absdiff(flat[:, 1:], flat[:, :-1]).reshape(*half.shape[:2], -1)
    across[..., -1] = across[..., -2]
    k = side // BLOCK
    return np.stack([_block_means(each) for each in (half, along, across)]).reshape(3, *shape, k, k)


def _block_means(tiles: U8) -> F32:
    """Means of `BLOCK x BLOCK` pixels, one tile below the other; twice by halves is exact, and
    takes half as long.
    """
    side = tiles.shape[1]
    means = tiles.reshape(-1, side).astype(np.float32)
    for size in (side // 2, side // BLOCK):
        rows = len(tiles) * size
        means = cv2.resize(means, (size, rows), interpolation=cv2.INTER_AREA).astype(
            np.float32, copy=False
        )
    return means


class Texture:
    """What is usual on one strip. Owned by one thread; a new coil is a new texture."""

    def __init__(self) -> None:
        self._level: F32 = np.empty((3, 0, 0), np.float32)
        """`3 x tiles across x k`; infinite where nothing has been learned."""
        self._spread: F32 = np.ones(3, np.float32)
        self._rows = 0

    def suspicion(self, blocks: F32) -> F32:
        """Of each tile, `N`; infinite where not enough of the strip has been learned."""
        _, along, across, k, _ = blocks.shape
        if self._rows < FIRST_ROWS:
            return np.full(along * across, np.inf, np.float32)
        level = self._known(across, k)[:, None, :, None, :]
        unusual = np.abs(blocks - level) / self._spread.reshape(3, 1, 1, 1, 1)
        return np.asarray(unusual.max(axis=(0, 3, 4)).ravel(), np.float32)

    def learn(self, blocks: F32, defect: Bools) -> None:
        """Take a section's blocks as part of the strip, but those of tiles (`N`) that are known to
        show a defect: one that goes on for metres must not become what is usual.
        """
        _, along, across, k, _ = blocks.shape
        clean = ~defect.reshape(along, across)
        learnt = 2 * clean.sum(axis=0) > along
        if not learnt.any():
            return
        sample = np.where(clean[:, :, None, None], blocks[..., ::LEARN_STEP, :], np.inf)
        columns = sample.transpose(0, 2, 4, 1, 3).reshape(3, across, k, -1)
        middle = (clean.sum(axis=0) * sample.shape[3] // 2).clip(0, columns.shape[3] - 1)
        level = np.take_along_axis(np.sort(columns), middle[None, :, None, None], axis=3)
        away = np.abs(columns[:, learnt] - level[:, learnt]).reshape(3, -1)
        spread = _NORMAL * np.median(away[:, np.isfinite(away[0])], axis=1)
        self._keep(level[..., 0][:, learnt], np.flatnonzero(learnt), spread, along)

    def _keep(self, level: F32, columns: Ints, spread: F32, rows: int) -> None:
        """Mix what was learned in with what was known; what was unknown takes it as it is."""
        share = -math.expm1(-rows / MEMORY_ROWS)
        known = self._known(int(columns.max()) + 1, level.shape[2])
        before = np.where(np.isfinite(known[:, columns]), known[:, columns], level)
        known[:, columns] = before + share * (level - before)
        spread = np.maximum(spread, LEAST_SPREAD)
        self._spread = spread if not self._rows else self._spread + share * (spread - self._spread)
        self._rows += rows

    def _known(self, across: int, k: int) -> F32:
        """The level of so many columns of tiles; those never seen are added as unknown."""
        missing = across - self._level.shape[1]
        if missing > 0:
            unknown = np.full((3, missing, k), np.inf, np.float32)
            self._level = np.concatenate([self._level.reshape(3, -1, k), unknown], axis=1)
        return self._level[:, :across]
