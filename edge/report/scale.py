"""The map's geometry: a coil cut into bands of equal length, one below the other, on paper.

Units are tenths of a millimetre on A4. Metres run to the right in each band, and on in the next
one; the operator side (0 mm) is at the bottom of a band.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
WIDTH = 1820
LEFT, RIGHT = 150, 50
PLOT = WIDTH - LEFT - RIGHT
TOP = 60
AXIS = 76
"""Room below a band for its metres."""
MAX_BANDS = 6
METRES_PER_BAND = 40.0
"""So much of a short coil fills a band; a long one is pressed into `MAX_BANDS`."""
_TICKS = 9
_SLACK_M = 1e-6


class Rect(NamedTuple):
    """x, y, width and height in units."""

    x: float
    y: float
    w: float
    h: float


class Scale(NamedTuple):
    """From metres and millimetres on the coil to units of the drawing."""

    band_m: float
    bands: int
    tick_m: float
    width_mm: float
    band_height: int

    @property
    def height(self) -> int:
        """Of the whole drawing."""
        return TOP + self.bands * self.pitch + 6

    @property
    def pitch(self) -> int:
        """From band to band."""
        return self.band_height + AXIS

    @property
    def m_per_mm(self) -> float:
        """Metres of strip along one millimetre of paper."""
        return self.band_m / PLOT * 10

    @property
    def stretch(self) -> float:
        """How many times the width is drawn larger than the length."""
        return (self.band_height / self.width_mm) / (PLOT / self.band_m / 1000)

    def band_top(self, band: int) -> int:
        """Upper edge of a band, which is the drive side."""
        return TOP + band * self.pitch

    def band_of(self, along_m: float) -> int:
        """The band in which a position lies; the ends are kept within."""
        return min(max(int(along_m / self.band_m), 0), self.bands - 1)

    def x(self, along_m: float, band: int) -> float:
        """Across the paper, clipped to the band."""
        share = (along_m - band * self.band_m) / self.band_m
        return LEFT + min(max(share, 0.0), 1.0) * PLOT

    def y(self, across_mm: float, band: int) -> float:
        """Down the paper, clipped to the band."""
        share = min(max(across_mm / self.width_mm, 0.0), 1.0)
        return self.band_top(band) + (1 - share) * self.band_height

    def places(self, along_m: Floats, across_mm: Floats) -> tuple[Floats, Floats, Ints]:
        """`x`, `y` and the band of many positions at once."""
        band = np.clip((along_m / self.band_m).astype(np.int64), 0, self.bands - 1)
        x = LEFT + np.clip(along_m / self.band_m - band, 0, 1) * PLOT
        share = np.clip(across_mm / self.width_mm, 0, 1)
        return x, TOP + band * self.pitch + (1 - share) * self.band_height, band

    def rects(
        self, along: tuple[float, float], across: tuple[float, float], least: float
    ) -> Iterator[Rect]:
        """A rectangle of the coil, one piece per band that it reaches into; none smaller than
        `least` units.
        """
        for band in range(self.band_of(along[0]), self.band_of(along[1] - _SLACK_M) + 1):
            x, w = _span(self.x(along[0], band), self.x(along[1], band), least)
            y, h = _span(self.y(across[1], band), self.y(across[0], band), least)
            yield Rect(x, y, w, h)


def _span(start: float, end: float, least: float) -> tuple[float, float]:
    if end - start >= least:
        return start, end - start
    return (start + end - least) / 2, least


def scale_of(length_m: float, width_mm: float) -> Scale:
    """Bands for a coil of that size; both may be zero or unknown."""
    length_m = max(length_m, 0.1)
    bands = min(MAX_BANDS, max(1, math.ceil(length_m / METRES_PER_BAND)))
    tick_m = _nice(length_m / bands / _TICKS)
    band_m = math.ceil(length_m / bands / tick_m - 1e-9) * tick_m
    height = {1: 420, 2: 330, 3: 280}.get(bands, 230)
    return Scale(band_m, math.ceil(length_m / band_m - 1e-9), tick_m, max(width_mm, 1.0), height)


def _nice(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9))
