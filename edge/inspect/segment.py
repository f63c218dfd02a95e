"""Which pixels of a defect's surroundings are the defect: an adaptive threshold and morphology.

Whole numbers only, so that any processor finds the same pixels and a replay the same events. The
settings below were chosen on one half of the pictures and judged on the other
(docs/quantification.md).
"""

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from edge.types import U8

Mask = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.integer | np.floating]

MAD = 1.4826
"""Standard deviations in a median of absolute values, where the noise is normal."""
SHORT_LABELS = 65535
"""Pieces that labels of 16 bits count; they cost a third. A block of 2 x 2 pixels holds one."""
SQUARE = np.ones((3, 3), np.uint8)


class SegmentRules(NamedTuple):
    """The settings; lengths in pixels of the picture, grey in its 255 levels."""

    smooth_px: int = 3
    """Side of the Gaussian that takes the camera's noise off; odd."""
    shrink: int = 4
    """The steel's own grey is looked for in a picture so many times smaller."""
    background_share: float = 0.6
    """Side of the median that finds it, as a share of the picture's mean side."""
    texture_px: int = 12
    """The steel's noise is what changes across the strip over so many pixels, so that streaks along
    it count, and a defect that fills half of the picture does not.
    """
    seed: float = 4.0
    """A defect has pixels that differ by so many times the noise..."""
    grow: float = 2.5
    """... and goes on to where they differ by so many,"""
    depth_share: float = 0.35
    """or by this share of its own depth (the upper quartile of its seeds), whichever is more."""
    least_grey: int = 6
    """Least difference of a seed; half of it is the least anywhere."""
    least_seeds: int = 3
    least_px: int = 12
    """Smaller pieces are dropped, and those smaller than ..."""
    least_share: float = 0.02
    """... this share of the largest piece."""


class Segment(NamedTuple):
    """The pixels of a defect, and by how much each pixel differs from the steel around it."""

    mask: Mask
    difference: npt.NDArray[np.int16]
    """Grey, smoothed; below 0 darker."""


def segment(pixels: U8, own: Mask, rules: SegmentRules = SegmentRules()) -> Segment:  # noqa: B008
    """Find the pixels that differ from the steel around them.

    Args:
        pixels: U8 `H x W`: the defect with some steel around it.
        own: `H x W`: where the defect lies. Pieces that do not begin there are not its.
        rules: the settings.

    Returns:
        The darker pieces or the lighter ones, whichever stand out more in all; an empty mask where
        nothing stands out.
    """
    if min(pixels.shape) < 2:
        return Segment(np.zeros(pixels.shape, np.bool_), np.zeros(pixels.shape, np.int16))
    grey = np.asarray(cv2.GaussianBlur(pixels, (rules.smooth_px, rules.smooth_px), 0), np.uint8)
    steel = _steel(pixels, rules)
    noise = _noise(grey, rules)
    darker, lighter = cv2.subtract(steel, grey), cv2.subtract(grey, steel)
    masks = [_pieces(np.asarray(side, np.uint8), own, noise, rules) for side in (darker, lighter)]
    weights = [int(side[mask].sum()) for side, mask in zip((darker, lighter), masks, strict=True)]
    mask = masks[int(weights[1] > weights[0])]
    return Segment(mask, cv2.subtract(grey, steel, dtype=cv2.CV_16S).astype(np.int16, copy=False))


def _steel(pixels: U8, rules: SegmentRules) -> U8:
    """The grey of the steel itself at each pixel: a median so wide that a defect does not fill it,
    and so narrow that light and scale may change across the picture.
    """
    height, width = pixels.shape
    size = max(1, width // rules.shrink), max(1, height // rules.shrink)
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    side = max(3, min(255, int(rules.background_share * sum(size) / 2) | 1))
    steel = cv2.medianBlur(small, side)
    return np.asarray(
        cv2.resize(steel, (width, height), interpolation=cv2.INTER_LINEAR_EXACT), np.uint8
    )


def _noise(grey: U8, rules: SegmentRules) -> float:
    """Standard deviation of the steel's texture, in grey levels."""
    lag = min(rules.texture_px, grey.shape[1] - 1)
    changes = np.asarray(cv2.absdiff(grey[:, lag:], grey[:, :-lag]), np.uint8)
    return float(MAD / np.sqrt(2) * _quantile(changes, None, 0.5))


def _pieces(side: U8, own: Mask, noise: float, rules: SegmentRules) -> Mask:
    """The pieces that begin with a seed in `own`."""
    least = max(rules.seed * noise, rules.least_grey)
    seeds = (side > least) & own
    if np.count_nonzero(seeds) < rules.least_seeds:
        return np.zeros(side.shape, np.bool_)
    depth = _quantile(side, seeds, 0.75)
    limit = max(rules.grow * noise, rules.depth_share * depth, rules.least_grey / 2)
    whole = cv2.morphologyEx((side > limit).astype(np.uint8), cv2.MORPH_CLOSE, SQUARE)
    pieces = (side.shape[0] // 2 + 1) * (side.shape[1] // 2 + 1)
    kind = cv2.CV_16U if pieces < SHORT_LABELS else cv2.CV_32S
    found = cv2.connectedComponentsWithStats(whole, connectivity=8, ltype=kind)
    count, labels, boxes = found[0], np.asarray(found[1]), np.asarray(found[2])
    areas = boxes[:, cv2.CC_STAT_AREA]
    kept = np.bincount(labels[seeds], minlength=count) >= rules.least_seeds
    kept &= areas >= rules.least_px
    kept[0] = False
    if kept.any():
        kept &= areas >= rules.least_share * areas[kept].max()
    return _of(labels, kept, boxes)


def _of(labels: Labels, kept: Mask, boxes: Labels) -> Mask:
    """The pixels of the pieces that are kept; few, so that the rest need not be looked at."""
    mask = np.zeros(labels.shape, np.bool_)
    if kept.any():
        left, top, width, height, _ = boxes[kept].T
        box = slice(top.min(), (top + height).max()), slice(left.min(), (left + width).max())
        mask[box] = kept[labels[box]]
    return mask


def _quantile(values: U8, where: Mask | None, share: float) -> int:
    """A quantile of bytes."""
    chosen = None if where is None else where.view(np.uint8)
    counts = cv2.calcHist([values], [0], chosen, [256], [0, 256]).ravel().cumsum()
    return int(np.searchsorted(counts, share * counts[-1]))
