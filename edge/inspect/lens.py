"""Whether the strip is seen sharply: fog, a lens out of focus, a drop or a hand before it.

The steel moves and the lens does not, so what counts is texture that changes along the strip, by
its own past: smooth steel is no blur. Its contrast is the gradient that two neighbouring rows
share: the camera's noise, which no fog blurs, differs between them and cancels out. What stays the
same over all rows (dust, the lamp, the sensor's columns) is taken off.
"""

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from contract.tiles import Span
from edge.inspect.strip import View
from edge.types import F32, U8

ROW_PAIRS = 16
"""Of a frame; a section with fewer rows keeps the verdict on the one before."""
GROUP, BLOCK = 8, 128
"""Columns. A block's contrast is the median of its groups': a scratch is narrow."""
MARGIN = 8
"""Columns beside the strip's edges, and at the picture's, that are left out."""
LEARN_FRAMES = 8
USUAL_FRAMES = 64
"""A block's usual contrast is a running mean over so many frames."""
SURE = 6.0
"""Standard errors by which the usual contrast must exceed nought to be judged by."""
DARK = 0.2
"""Of the strip's grey; the darkest column of real strip in uneven light has 0.37."""
SHARP_EDGE = 0.08
"""Step of a strip's edge, from one column to the next, over the strip's grey, from which on it is
the edge itself and not its shadow; real ones have 0.09 to 0.17.
"""
AS_SHARP = 0.6
"""An edge as steep as this share of its usual step: the steel is smooth, the lens not to blame."""

Flags = npt.NDArray[np.bool_]


class Texture(NamedTuple):
    """One picture; block `b` is its columns `b * BLOCK + MARGIN ..`."""

    contrast: F32
    """Shared gradient energy of each block over the strip's grey squared; NaN off the strip."""
    error: F32
    """Its standard error by the camera's noise."""
    light: F32
    """Mean grey of each block over the strip's."""
    edge: float
    """The steepest step at the strip's edges over the strip's grey; NaN where none is in view."""


class Lens:
    """What the lens usually lets through. Owned by the inspecting thread; outlives coils."""

    def __init__(self, blurred_below: float) -> None:
        self._energy_below = blurred_below**2
        self._usual: F32 = np.zeros(0, np.float32)
        self._error: F32 = np.zeros(0, np.float32)
        self._frames: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._edge = float("nan")
        self._hidden: Flags = np.zeros(0, np.bool_)
        self._new_steel = False
        self._width = 0
        self.blurred = False
        """The last verdict."""

    def new_coil(self) -> None:
        """Other steel may come: a contrast that falls now is its own, unless the lens was foggy."""
        self._new_steel = not self.blurred

    def look(self, pixels: U8, view: View) -> None:
        """Judge a picture that is neither dark nor saturated."""
        if not self._energy_below or pixels.shape[0] < ROW_PAIRS or pixels.shape[1] < BLOCK:
            return
        seen = texture_of(pixels, view)
        if pixels.shape[1] != self._width:
            self._width = pixels.shape[1]
            self._forget(len(seen.contrast))
        known = (self._frames >= LEARN_FRAMES) & (self._usual > self._error)
        known &= ~np.isnan(seen.contrast)
        share = seen.contrast[known] / self._usual[known]
        self.blurred = self._is_blurred(share, known, seen.edge)
        if self.blurred and self._new_steel:
            self._forget(len(seen.contrast))
            self.blurred = False
        elif not self.blurred:
            self._hide(share, known, seen)
        self._new_steel = False
        if not self.blurred:
            self._learn(seen)

    @property
    def hidden(self) -> tuple[Span, ...]:
        """Columns behind something before the lens, in the last picture that was not blurred. What
        hides a block may reach into the next one, or to the picture's border.
        """
        hidden = np.concatenate([[False], self._hidden, [False]])
        near = np.zeros_like(hidden)
        near[1:-1] = hidden[1:-1] | hidden[2:] | hidden[:-2]
        ends = np.flatnonzero(near[1:] != near[:-1])
        columns = np.where(ends == 0, 0, ends * BLOCK + MARGIN)
        columns[ends == len(self._hidden)] = self._width
        return tuple(Span(*pair) for pair in columns.reshape(-1, 2).tolist())

    def _is_blurred(self, share: F32, known: Flags, edge: float) -> bool:
        """The middle block's contrast has gone, and no edge of the strip is as sharp as ever."""
        if not len(share) or np.median(share) >= self._energy_below:
            return False
        error = 1.25 * np.median(self._error[known]) / np.sqrt(len(share))
        sharp = self._edge >= SHARP_EDGE and edge >= AS_SHARP * self._edge
        return bool(np.median(self._usual[known]) > SURE * error) and not sharp

    def _hide(self, share: F32, known: Flags, seen: Texture) -> None:
        """Find the blocks that are dark, or whose contrast has gone while the others' has not."""
        self._hidden = ~np.isnan(seen.contrast) & (seen.light < DARK)
        if not known.any():
            return
        contrast = seen.contrast[known]
        gone = share < self._energy_below * np.median(share)
        gone &= contrast < self._energy_below * np.median(contrast)
        self._hidden[known] |= gone & (self._usual[known] > SURE * self._error[known])

    def _learn(self, seen: Texture) -> None:
        fit = ~np.isnan(seen.contrast) & ~self._hidden
        self._frames[fit] += 1
        weight = 1 / np.minimum(self._frames[fit], USUAL_FRAMES)
        self._usual[fit] += weight * (seen.contrast[fit] - self._usual[fit])
        self._error[fit] += weight * (seen.error[fit] - self._error[fit])
        if not np.isnan(seen.edge):
            known = self._edge if not np.isnan(self._edge) else seen.edge
            self._edge = known + (seen.edge - known) / LEARN_FRAMES

    def _forget(self, blocks: int) -> None:
        self._usual, self._error = np.zeros(blocks, np.float32), np.zeros(blocks, np.float32)
        self._frames = np.zeros(blocks, np.int64)
        self._hidden = np.zeros(blocks, np.bool_)
        self._edge = float("nan")


def texture_of(pixels: U8, view: View) -> Texture:
    """Measure a picture (U8 `h x w`, any view) where the strip is."""
    step = max(2, pixels.shape[0] // ROW_PAIRS)
    lower = pixels[1::step].astype(np.float32)
    upper = pixels[::step][: len(lower)].astype(np.float32)
    above, below = _gradient(upper), _gradient(lower)
    means = _mean(upper), _mean(lower)
    shared = _mean(above * below) - _gradient(means[0]) * _gradient(means[1])
    energy = _mean(above[::4] * above[::4])
    grey2 = max(1.0, float(means[0][view.columns.start : view.columns.end].mean())) ** 2
    # The median of groups varies by a quarter more than the mean of all.
    spread = 1.25 / np.sqrt(len(upper) * BLOCK / 2)
    contrast = np.median(_grouped(shared).mean(axis=2), axis=1) / grey2
    error = _grouped(energy).mean(axis=(1, 2)) * spread / grey2
    first = np.arange(len(contrast)) * BLOCK + MARGIN
    inside = view.columns.start + MARGIN * view.left_edge_seen <= first
    inside &= first + BLOCK + MARGIN * view.right_edge_seen <= view.columns.end
    contrast[~inside] = np.nan
    grey = float(np.sqrt(grey2))
    light = _grouped(means[0][::2]).mean(axis=(1, 2)) / grey
    return Texture(contrast, error, light, _edge(above, view) / grey)


def _gradient(grey: F32) -> F32:
    """From each even column to the next: half the columns tell as much as all of them would."""
    whole = grey.shape[-1] // 2 * 2
    gradient: F32 = grey[..., 1:whole:2] - grey[..., :whole:2]
    return gradient


def _mean(rows: F32) -> F32:
    """Of each column."""
    means: F32 = cv2.reduce(rows, 0, cv2.REDUCE_AVG)[0].astype(np.float32, copy=False)
    return means


def _grouped(gradients: F32) -> F32:
    """Blocks x groups x gradients."""
    first, block = MARGIN // 2, BLOCK // 2
    blocks = max(0, (len(gradients) - first) // block)
    whole = gradients[first : first + blocks * block]
    grouped: F32 = whole.reshape(blocks, BLOCK // GROUP, GROUP // 2)
    return grouped


def _edge(gradient: F32, view: View) -> float:
    """Grey levels of the steepest step at a strip's edge, the sharper one; the median over rows."""
    places = ((view.columns.start, view.left_edge_seen), (view.columns.end, view.right_edge_seen))
    near = [
        np.abs(gradient[:, max(0, at // 2 - MARGIN) : at // 2 + MARGIN])
        for at, seen in places
        if seen
    ]
    return max((float(np.median(steps.max(axis=1))) for steps in near), default=float("nan"))
