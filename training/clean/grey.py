"""Grey levels of tiles: what a network could tell data sets apart by, and how to make them alike.

Median and interquartile range stand for exposure and contrast: a small defect hardly moves them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from training.folder import SUFFIXES

U8 = npt.NDArray[np.uint8]

LEAST_SPREAD = 2.0
"""Grey levels; below it a tile is flat, and stretching it would only show its rounding."""
MAX_GAIN = 3.0


class GreyStatistics(NamedTuple):
    """Of one tile, in grey levels."""

    median: float
    spread: float


class GreyMap(NamedTuple):
    """`grey * gain + offset`, rounded and clipped to 0 .. 255."""

    gain: float
    offset: float

    def apply(self, image: U8) -> U8:
        """A changed copy; the image itself where nothing changes."""
        if self == (1.0, 0.0):
            return image
        changed = image.astype(np.float64) * self.gain + self.offset
        return np.rint(changed).clip(0, 255).astype(np.uint8)


def statistics_of(image: U8) -> GreyStatistics:
    """Median and interquartile range of a tile, U8 `H x W`."""
    low, middle, high = np.percentile(image, [25, 50, 75])
    return GreyStatistics(float(middle), float(high - low))


def map_between(source: GreyStatistics, target: GreyStatistics) -> GreyMap:
    """The linear map that gives a tile of `source` the median and, within the limits, the spread of
    `target`.
    """
    wanted = max(target.spread, LEAST_SPREAD) / max(source.spread, LEAST_SPREAD)
    gain = min(max(wanted, 1 / MAX_GAIN), MAX_GAIN)
    return GreyMap(gain, target.median - gain * source.median)


def match_to(
    image: U8, targets: Sequence[GreyStatistics], generator: np.random.Generator
) -> GreyMap:
    """The map of a tile to one of the targets, drawn at random: so the distribution is matched and
    not only its middle.
    """
    target = targets[int(generator.integers(len(targets)))]
    return map_between(statistics_of(image), target)


def image_files(folder: Path) -> list[Path]:
    """Every image below a folder, at any depth, in the order of their paths."""
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
