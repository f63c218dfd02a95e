"""A drawn defect, and the few shapes that all defects are made of."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edge.simulator.noise import ramp, smooth
from edge.types import F32

Mask = npt.NDArray[np.bool_]

VISIBLE = 0.05
"""A pixel belongs to a defect when it changes the brightness by more than this share: about six
grey levels, twice the grain of a smooth strip.
"""

LENS_PX = 0.55
"""Sigma of the lens: no camera shows an edge sharper than this."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A defect before it lies on the strip.

    `gain` F32 is the relative change of brightness (-1 black, 0 none); `mask` tells which pixels
    are defect, soft surroundings excluded.
    """

    gain: F32
    mask: Mask

    def width_px(self) -> float:
        """Diameter of the largest circle inside the mask: the thickness that decides whether a
        camera resolves it, and how severe it is.
        """
        framed = np.pad(self.mask.astype(np.uint8), 1)
        return max(0.0, 2.0 * float(cv2.distanceTransform(framed, cv2.DIST_L2, 5).max()) - 1.0)


def patch(gain: F32, around: F32 | None = None) -> Patch:
    """The patch of a gain whose visible part is the defect; `around` is added without counting."""
    gain = np.asarray(cv2.GaussianBlur(gain, (5, 5), LENS_PX), np.float32)
    mask = np.abs(gain) > VISIBLE
    total = gain if around is None else gain + around
    return Patch(np.clip(total, -0.95, 1.5).astype(np.float32), mask)


def blank(rows: float, columns: float) -> F32:
    """Nothing, of that size (at least 3 px)."""
    return np.zeros((max(3, round(rows)), max(3, round(columns))), np.float32)


def coordinates(shape: tuple[int, int]) -> tuple[F32, F32]:
    """Rows `shape[0] x 1` and columns `1 x shape[1]`, in pixels from the middle."""
    rows = np.arange(shape[0], dtype=np.float32)[:, None] - (shape[0] - 1) / 2
    columns = np.arange(shape[1], dtype=np.float32)[None, :] - (shape[1] - 1) / 2
    return rows, columns


def turned(shape: tuple[int, int], degrees: float, bend_px: float = 0.0) -> tuple[F32, F32]:
    """Distance along and beside a line through the middle that leans `degrees` from the across
    direction and bows by `bend_px` at its ends.
    """
    rows, columns = coordinates(shape)
    angle = np.deg2rad(degrees)
    along = columns * np.cos(angle) + rows * np.sin(angle)
    beside = rows * np.cos(angle) - columns * np.sin(angle)
    half = max(shape) / 2
    return along.astype(np.float32), (beside - bend_px * (along / half) ** 2).astype(np.float32)


def ends(along: F32, half_px: float, fade_px: float) -> F32:
    """1 in the middle of a length, fading to 0 within `fade_px` of both ends."""
    return ramp((np.float32(half_px) - np.abs(along)).astype(np.float32), 0, fade_px)


def ridge(beside: F32, width_px: float) -> F32:
    """A line's soft profile: 1 on it, about 0 beyond its width."""
    return np.asarray(np.exp(-((beside / np.float32(max(width_px, 0.7) * 0.6)) ** 2)), np.float32)


def blob(rng: np.random.Generator, shape: tuple[int, int], rough: float = 0.25) -> F32:
    """Depth inside a ragged ellipse that nearly fills `shape`: 1 in the middle, 0 on its border,
    negative outside.
    """
    rows, columns = coordinates(shape)
    reach = np.hypot(rows / (shape[0] / 2), columns / (shape[1] / 2)).astype(np.float32)
    grain = max(2.0, min(shape) / 4)
    noise = smooth(rng, shape, (grain, grain)) + 0.5 * smooth(rng, shape, (grain / 2, grain / 2))
    return np.asarray(0.85 - reach + rough * 0.5 * noise, np.float32)


def place(canvas: F32, piece: F32, row: float, column: float) -> None:
    """Add a piece to a canvas with its middle there; what hangs over is cut off."""
    top, left = round(row - piece.shape[0] / 2), round(column - piece.shape[1] / 2)
    end_row, end_column = top + piece.shape[0], left + piece.shape[1]
    inside = canvas[max(0, top) : max(0, end_row), max(0, left) : max(0, end_column)]
    if inside.size:
        skip_row, skip_column = max(0, -top), max(0, -left)
        inside += piece[
            skip_row : skip_row + inside.shape[0], skip_column : skip_column + inside.shape[1]
        ]
