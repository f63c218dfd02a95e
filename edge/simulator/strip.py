"""One coil's strip under the camera: surface, edges, the dark beside it, and the exposure.

Positions are rows from the coil's head and columns of the camera. The strip wanders sideways while
it runs; what lies on it wanders along.
"""

from dataclasses import dataclass

import numpy as np

from edge.simulator.noise import StripNoise, child
from edge.simulator.patch import Mask, Patch
from edge.simulator.surface import Look, Surface
from edge.types import F32, U8

_SURFACE, _WANDER, _DARK, _RIM = range(4)
_RIM_MM = 9.0


@dataclass(frozen=True, slots=True)
class Placing:
    """Where the strip runs in the picture, in pixels; `wander` is the greatest usual deviation."""

    columns: int
    left: float
    right: float
    wander: float


class Strip:
    """A strip that can be drawn row by row.

    Args:
        seed: of this strip.
        look: its appearance.
        placing: where it runs.
        mm_per_px: scale of the picture.
    """

    def __init__(
        self, seed: np.random.SeedSequence, look: Look, placing: Placing, mm_per_px: float
    ) -> None:
        self._look = look
        self._placing = placing
        self._surface = Surface(child(seed, _SURFACE), look, placing.columns, mm_per_px)
        self._wander = StripNoise(child(seed, _WANDER), 1, (1500, 1))
        rng = np.random.default_rng(child(seed, _RIM))
        self._dark_grey = rng.uniform(5, 22)
        self._rim = rng.uniform(-0.06, 0.16)
        self._rim_px = _RIM_MM / mm_per_px * rng.uniform(0.4, 1.6)
        self._dark = StripNoise(child(seed, _DARK), placing.columns, (180, 40))

    def left_px(self, first: int, count: int) -> F32:
        """The strip's left edge (operator side) in each row."""
        wander = np.clip(self._wander.rows(first, count)[:, 0] / 2, -1, 1)
        return np.asarray(self._placing.left + self._placing.wander * wander, np.float32)

    def rows(self, first: int, count: int) -> F32:
        """Grey levels F32 `count x columns`, noise-free, not yet clipped; the caller owns them."""
        grey = self._surface.rows(first, count)
        grey *= np.float32(self._look.grey)
        left = self.left_px(first, count)[:, None]
        right = left + np.float32(self._placing.right - self._placing.left)
        columns = np.arange(self._placing.columns, dtype=np.float32)[None, :]
        depth = np.minimum(columns - left, right - columns)
        if depth.min() < 4 * self._rim_px:
            grey *= 1 + np.float32(self._rim) * np.exp(-np.maximum(depth, 0) / self._rim_px)
            on_strip = np.clip(depth + 0.5, 0, 1)
            dark = self._dark_grey * (1 + 0.15 * self._dark.rows(first, count))
            grey = dark + (grey - dark) * on_strip
        return np.asarray(grey, np.float32)


def lay(grey: F32, defect: Patch, top: int, left: int) -> tuple[tuple[int, int, int, int], Mask]:
    """Lay a defect on rows of strip, in place, cut at their borders.

    Returns:
        The box of its visible pixels in them (first row, first column, end row, end column) and
        their mask within that box; an empty mask where nothing is visible.
    """
    row, column = max(0, top), max(0, left)
    end_row = min(grey.shape[0], top + defect.gain.shape[0])
    end_column = min(grey.shape[1], left + defect.gain.shape[1])
    if row >= end_row or column >= end_column:
        return (row, column, row, column), np.zeros((0, 0), np.bool_)
    part = np.s_[row - top : end_row - top, column - left : end_column - left]
    grey[row:end_row, column:end_column] *= 1 + defect.gain[part]
    return tight(defect.mask[part], row, column)


def tight(mask: Mask, row: int, column: int) -> tuple[tuple[int, int, int, int], Mask]:
    """The smallest box round a mask that starts at a row and column, and the mask within it."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return (row, column, row, column), np.zeros((0, 0), np.bool_)
    top, left, end, side = int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
    return (row + top, column + left, row + end, column + side), mask[top:end, left:side].copy()


def expose(rng: np.random.Generator, grey: F32, noise: float) -> U8:
    """What the camera makes of grey levels: its noise (grey levels, growing with the light), a
    slight flicker from line to line, and eight bits.
    """
    light = 1 + 0.0025 * rng.standard_normal((grey.shape[0], 1), dtype=np.float32)
    seen = grey * light
    grain = rng.standard_normal(grey.shape, dtype=np.float32)
    grain *= np.sqrt(np.clip(seen, 10, 255) * np.float32(1 / 130)) * np.float32(noise)
    seen += grain
    return np.clip(seen + np.float32(0.5), 0, 255).astype(np.uint8)
