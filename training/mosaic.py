"""Mosaic fusion within a line: parts of two train images of one class, joined by a soft seam.

The label must hold, so a seam is chosen by what stands out from each image's own background: both
parts together keep at least `kept` times what stands out in one image, counted in shares of each.
Two halves that lost their defects add up to nothing and are never joined. Where no seam will do, or
nothing stands out, the image stays as it is. Partners come from the arrays given, the train part.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from training.config import Augment, Mosaic

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

BACKGROUND_SHARE = 1 / 5
"""Sigma of the blur that is taken for the background, of the side."""
SMOOTH_SHARE = 1 / 40
STANDS_OUT = 2.5
"""Times the median energy of the image: five sigmas of white grain after smoothing."""

ROUNDING = 1e-5
"""Of sums of float32 shares."""


class Profiles(NamedTuple):
    """Per image what lies where, along x (0) and y (1)."""

    standing_out: F32
    """`N x 2 x (side + 1)`: share of what stands out that lies before each coordinate, 0 to 1; all
    0 where nothing does."""
    level: F32
    """`N x 2 x side`: mean grey of the background in a band around each coordinate."""


class Seams(NamedTuple):
    """One seam per pair."""

    possible: Bools
    along_y: Bools
    """The seam is horizontal: the parts lie above one another."""
    own_first: Bools
    """The image's own part lies left or above."""
    at: Ints


class Mosaics:
    """Fuses images of a train part with others of their class, a batch at a time."""

    def __init__(
        self, pixels: U8, labels: Ints, options: Mosaic, flips: Augment, clean: Sequence[int] = ()
    ) -> None:
        """`pixels` is U8 `N x side x side`; `flips` says which mirror images a partner may be,
        `clean` which labels are no defects: they have nothing to lose, and a soft seam must not
        become the mark of a defect.
        """
        self.pixels, self.options, self.flips = pixels, options, flips
        self.profiles = profiles_of(pixels)
        evenly = np.linspace(0, 1, pixels.shape[2] + 1, dtype=np.float32)
        self.profiles.standing_out[np.isin(labels, clean)] = evenly
        self._order = np.argsort(labels, kind="stable")
        counts = np.bincount(labels)
        self._size = counts[labels]
        self._start = (np.cumsum(counts) - counts)[labels]
        self._place = np.empty_like(self._order)
        self._place[self._order] = np.arange(len(labels))

    def fuse(self, indices: Ints, generator: np.random.Generator) -> tuple[U8, Bools]:
        """The images by their indices, a share of them fused; and which are."""
        result = self.pixels[indices]
        made = np.zeros(len(indices), np.bool_)
        wanted = generator.random(len(indices)) < self.options.share
        chosen = np.flatnonzero(wanted & (self._size[indices] > 1))
        if not len(chosen):
            return result, made
        own = indices[chosen]
        other = self.partners(own, generator)
        partner, profiles = self._mirrored(other, generator)
        mine = Profiles(*(values[own] for values in self.profiles))
        seams = find_seams(mine, profiles, self.options, generator)
        fused = blend(result[chosen], partner, mine, profiles, seams, self.options)
        result[chosen] = np.where(seams.possible[:, None, None], fused, result[chosen])
        made[chosen] = seams.possible
        return result, made

    def partners(self, indices: Ints, generator: np.random.Generator) -> Ints:
        """For each image another one of its class (which must have more than one)."""
        size, start = self._size[indices], self._start[indices]
        step = 1 + (generator.random(len(indices)) * (size - 1)).astype(np.int64)
        chosen: Ints = self._order[start + (self._place[indices] - start + step) % size]
        return chosen

    def _mirrored(self, indices: Ints, generator: np.random.Generator) -> tuple[U8, Profiles]:
        pixels = self.pixels[indices]
        before, level = (values[indices] for values in self.profiles)
        for axis, allowed in ((0, self.flips.flip_across), (1, self.flips.flip_along)):
            flip = (generator.random(len(indices)) < 0.5) & allowed
            pixels[flip] = np.flip(pixels[flip], 2 - axis)
            before[flip, axis] = before[flip, axis, -1:] - before[flip, axis, ::-1]
            level[flip, axis] = level[flip, axis, ::-1]
        return pixels, Profiles(before, level)


def find_seams(
    mine: Profiles, other: Profiles, options: Mosaic, generator: np.random.Generator
) -> Seams:
    """For each pair the seam that cuts through least and needs least change of grey, with some luck
    in it, of those that keep enough and change no part too much.
    """
    side = mine.level.shape[2]
    reach = max(1, round(options.feather * side / 2))
    first = max(reach, round(options.edge * side))
    at = np.arange(first, side - first + 1)
    a, b = mine.standing_out, other.standing_out
    # Axis 2: the image's own part comes first, or last.
    kept = np.stack([a[..., at] + 1 - b[..., at], 1 - a[..., at] + b[..., at]], axis=2)
    both = a + b
    crossed = both[..., at + reach] - both[..., at - reach]
    luck = generator.uniform(0.5, 1.5, kept.shape)
    grey = np.stack([mine.level[..., at], other.level[..., at]])
    change = np.abs(grey[0] - grey[1]) / np.maximum(grey[0] + grey[1], 1)
    enough = kept >= options.kept - ROUNDING
    allowed = enough & (change <= options.grey_change)[:, :, None]
    cost = np.where(allowed, (crossed + change + 0.05)[:, :, None] * luck, np.inf)
    flat = cost.reshape(len(cost), -1)
    axis, order, position = np.unravel_index(flat.argmin(axis=1), cost.shape[1:])
    stands_out = (a[:, 0, -1] > 0) & (b[:, 0, -1] > 0)
    possible = np.isfinite(flat.min(axis=1)) & stands_out
    return Seams(possible, axis == 1, order == 0, at[position])


def blend(
    own: U8, other: U8, mine: Profiles, theirs: Profiles, seams: Seams, options: Mosaic
) -> U8:
    """Both parts with their backgrounds brought to one grey level at the seam, faded over."""
    side = own.shape[2]
    rows = np.arange(len(own))
    axis = seams.along_y.astype(np.int64)
    level = [p.level[rows, axis, np.minimum(seams.at, side - 1)] for p in (mine, theirs)]
    step = (level[0] - level[1])[:, None, None] / 2
    width = max(2, round(options.feather * side))
    away = (seams.at[:, None] - (np.arange(side) + 0.5)) / width + 0.5
    weight = np.clip(away, 0, 1)
    weight = weight**2 * (3 - 2 * weight)
    weight = np.where(seams.own_first[:, None], weight, 1 - weight)
    mask = np.where(seams.along_y[:, None, None], weight[:, :, None], weight[:, None, :])
    fused = mask * (own - step) + (1 - mask) * (other + step)
    result: U8 = np.rint(fused).clip(0, 255).astype(np.uint8)
    return result


def profiles_of(pixels: U8) -> Profiles:
    """What lies where in each image (U8 `N x side x side`)."""
    found = [_profile(image.astype(np.float32)) for image in pixels]
    return Profiles(*(np.stack(column).astype(np.float32) for column in zip(*found, strict=True)))


def _profile(image: F32) -> tuple[F32, F32]:
    excess = standing_out(image)
    before = np.zeros((2, len(image) + 1), np.float32)
    total = excess.sum()
    quiet = (excess == 0).astype(np.float32)
    level = np.empty((2, len(image)), np.float32)
    for axis in (0, 1):
        if total > 0:
            before[axis, 1:] = np.cumsum(excess.sum(axis=axis)) / total
        amount = _banded(quiet.sum(axis=axis))
        grey = _banded((image * quiet).sum(axis=axis))
        level[axis] = np.where(amount > 0, grey / np.maximum(amount, 1e-6), image.mean())
    return before, level


def _banded(values: F32) -> F32:
    width = max(3, len(values) // 8)
    summed: F32 = np.convolve(values, np.ones(width), mode="same").astype(np.float32)
    return summed


def standing_out(image: F32) -> F32:
    """How much each pixel's surroundings differ from the background (`H x W`), 0 where they do not
    beyond the grain of the whole image.
    """
    side = len(image)
    background = cv2.GaussianBlur(image, (0, 0), BACKGROUND_SHARE * side)
    smooth = max(1.0, SMOOTH_SHARE * side)
    energy = cv2.GaussianBlur((image - background) ** 2, (0, 0), smooth)
    # Half a grey level: what the rounding to 8 bits leaves on a surface without any grain.
    floor = max(STANDS_OUT * float(np.median(energy)), 0.25)
    excess: F32 = np.maximum(energy - floor, 0).astype(np.float32)
    return excess
