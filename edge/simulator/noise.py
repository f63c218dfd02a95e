"""Noise with a chosen size of grain: of a picture, and of a strip without end.

A strip is drawn in pieces, and a piece must not depend on how the strip was cut. So the lattice
under `StripNoise` is filled block by block, each block from its own seed: any rows can be had in
any order, and always come out the same.
"""

import cv2
import numpy as np

from edge.types import F32

BLOCK = 64
"""Lattice rows drawn from one seed."""
_MARGIN = 3
"""Lattice rows that interpolation and a blur reach beyond the wanted ones."""
_ONE = np.ones(1, np.float32)
_SMOOTH = cv2.getGaussianKernel(5, 1.0).astype(np.float32)
_SMOOTH = _SMOOTH / np.sqrt((_SMOOTH**2).sum(), dtype=np.float32)


class StripNoise:
    """Zero-mean noise of about unit variance over a strip `columns` wide and endless.

    Args:
        seed: of this field alone.
        columns: width in pixels.
        cell: rows and columns of a grain in pixels; 1 is white in that direction.
        blur_px: sigma of a Gaussian over white noise, at most 1.0.
    """

    def __init__(
        self,
        seed: np.random.SeedSequence,
        columns: int,
        cell: tuple[int, int],
        *,
        blur_px: float = 0.0,
    ) -> None:
        self._seed = seed
        self._columns = columns
        # Half a grain between lattice points, which are then smoothed: a lattice as coarse as the
        # grain would show as a weave.
        self._cell = max(1, cell[0] // 2), max(1, cell[1] // 2)
        self._smooth = cell[0] > 1, cell[1] > 1
        self._blur_px = blur_px
        self._lattice_columns = -(-columns // self._cell[1]) + 2 * _MARGIN
        self._blocks: dict[int, F32] = {}

    def rows(self, first: int, count: int) -> F32:
        """F32 `count x columns` from row `first >= 0` on; the caller owns it."""
        height, width = self._cell
        top = first // height - _MARGIN
        end = -(-(first + count) // height) + _MARGIN
        lattice = self._smoothed(self._lattice(top, end))
        if width > 1:
            size = (lattice.shape[1] * width, lattice.shape[0])
            lattice = np.asarray(
                cv2.resize(lattice, size, interpolation=cv2.INTER_CUBIC), np.float32
            )
        lattice = lattice[:, _MARGIN * width : _MARGIN * width + self._columns]
        if height > 1:
            return _between(lattice, first - top * height, count, height)
        if self._blur_px:
            lattice = _blurred(lattice, self._blur_px)
        return lattice[_MARGIN : _MARGIN + count].copy()

    def _smoothed(self, lattice: F32) -> F32:
        if not any(self._smooth):
            return lattice
        along, across = (_SMOOTH if wanted else _ONE for wanted in self._smooth)
        return np.asarray(cv2.sepFilter2D(lattice, -1, across, along), np.float32)

    def _lattice(self, top: int, end: int) -> F32:
        # Shifted by a block, so that the margin above row 0 needs no negative block number.
        wanted = range((top + BLOCK) // BLOCK, (end - 1 + BLOCK) // BLOCK + 1)
        self._blocks = {i: self._blocks[i] if i in self._blocks else self._block(i) for i in wanted}
        stack = np.concatenate([self._blocks[i] for i in wanted])
        offset = top + BLOCK - wanted[0] * BLOCK
        return stack[offset : offset + end - top]

    def _block(self, index: int) -> F32:
        rng = np.random.default_rng(child(self._seed, index))
        return rng.standard_normal((BLOCK, self._lattice_columns), dtype=np.float32)


def child(seed: np.random.SeedSequence, *key: int) -> np.random.SeedSequence:
    """The seed with this key below another; the same each time, unlike `SeedSequence.spawn`."""
    return np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, *key))


def smooth(rng: np.random.Generator, shape: tuple[int, int], cell: tuple[float, float]) -> F32:
    """Noise of about unit variance over a picture of `shape`, its grain `cell` pixels high and
    wide (at least 1).
    """
    rows, columns = (
        max(4, round(side / max(grain, 1.0)) + 1) for side, grain in zip(shape, cell, strict=True)
    )
    lattice = rng.standard_normal((rows, columns), dtype=np.float32)
    picture = cv2.resize(lattice, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(picture, np.float32)


def ramp(values: F32, start: float, width: float) -> F32:
    """0 up to `start`, 1 from `start + width` on, smooth between."""
    t = np.clip((values - np.float32(start)) / np.float32(max(width, 1e-6)), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _between(lattice: F32, first: int, count: int, height: int) -> F32:
    """Rows `first ...` of a lattice whose rows lie `height` apart, eased from one to the next."""
    # In whole half-rows: a float position would round otherwise for another cut of the strip.
    half_rows = 2 * np.arange(first, first + count) + 1 - height
    below = half_rows // (2 * height)
    t = (half_rows % (2 * height) / np.float32(2 * height)).astype(np.float32)[:, None]
    weight = t * t * (3 - 2 * t)
    start = lattice[below]
    return np.asarray(start + (lattice[below + 1] - start) * weight, np.float32)


def _blurred(picture: F32, sigma: float) -> F32:
    # A line camera smears less along than across: its lines are exposed one by one.
    along = 0.7 * sigma
    blurred = cv2.GaussianBlur(picture, (5, 5), sigma, sigmaY=along)
    # A blur takes variance away: brought back, so that amplitudes mean what they say.
    kept = [float((cv2.getGaussianKernel(5, s) ** 2).sum()) for s in (sigma, along)]
    return np.asarray(blurred / np.float32(np.sqrt(kept[0] * kept[1])), np.float32)
