"""What a line does to its pictures, in three severities, for judging a network. Training has
changes of the same kinds, drawn at random, in `training.augment`.

Grey tiles at the camera's own pixels, before they are scaled to the network's input: noise and
compression happen there. The draws depend on seed, kind and tile only, so a tile gets the same
noise pattern and the same shading direction at every severity, only stronger.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from contract.errors import ConfigError
from training.augment import through_jpeg

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
Corruption = Callable[[U8, int, np.random.Generator], U8]

SEVERITIES = (1, 2, 3)

ELECTRONS_PER_GREY = (20.0, 6.0, 2.0)
READ_NOISE_GREY = (1.0, 3.0, 6.0)
BLUR_PX = (3, 7, 13)
DEFOCUS_RADIUS_PX = (1.0, 2.0, 3.5)
SHADE = (0.2, 0.4, 0.6)
JPEG_QUALITY = (50, 25, 10)


class Condition(NamedTuple):
    """A kind of corruption at a severity of 1 to 3, or `clean` at 0."""

    kind: str
    severity: int

    @property
    def name(self) -> str:
        """For folders and tables."""
        return f"{self.kind}-{self.severity}" if self.severity else self.kind


CLEAN = Condition("clean", 0)


def noise(image: U8, severity: int, generator: np.random.Generator) -> U8:
    """Shot noise of so many electrons per grey level, and read noise (standard deviation)."""
    gain, read = ELECTRONS_PER_GREY[severity - 1], READ_NOISE_GREY[severity - 1]
    level = image.astype(np.float32)
    shot = np.sqrt(level / gain) * generator.standard_normal(image.shape)
    return _u8(level + shot + read * generator.standard_normal(image.shape))


def motion(image: U8, severity: int, _generator: np.random.Generator) -> U8:
    """The strip moves on while the shutter is open: a mean over so many rows."""
    length = min(BLUR_PX[severity - 1], len(image))
    return _u8(cv2.blur(image.astype(np.float32), (1, length), borderType=cv2.BORDER_REFLECT_101))


def defocus(image: U8, severity: int, _generator: np.random.Generator) -> U8:
    """A mean over a disc, whose edge pixels count by the part of them that it covers."""
    radius = DEFOCUS_RADIUS_PX[severity - 1]
    reach = math.ceil(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1)
    kernel = disc / disc.sum()
    blurred = cv2.filter2D(image.astype(np.float32), -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    return _u8(blurred)


def shade(image: U8, severity: int, generator: np.random.Generator) -> U8:
    """Light that falls off across the tile in a random direction, from 1 + s to 1 - s."""
    height, width = image.shape
    angle = generator.uniform(0, 2 * math.pi)
    across = np.linspace(-1, 1, width)[None] * math.cos(angle)
    along = np.linspace(-1, 1, height)[:, None] * math.sin(angle)
    slope = (across + along) / (abs(math.cos(angle)) + abs(math.sin(angle)))
    return _u8(image * (1 + SHADE[severity - 1] * slope))


def jpeg(image: U8, severity: int, _generator: np.random.Generator) -> U8:
    """Through JPEG of a low quality."""
    return through_jpeg(image, JPEG_QUALITY[severity - 1])


KINDS: dict[str, Corruption] = {
    "noise": noise, "motion": motion, "defocus": defocus, "shade": shade, "jpeg": jpeg,
}  # fmt: skip


def corrupt(image: U8, condition: Condition, key: Sequence[int]) -> U8:
    """One grey tile (U8 `H x W`) under a condition; a new array unless it is clean.

    Args:
        image: the tile, not changed.
        condition: one of `every_condition()` or `CLEAN`.
        key: numbers that make the draws: the same key, the same noise.
    """
    if condition == CLEAN:
        return image
    number = list(KINDS).index(condition.kind)
    generator = np.random.default_rng((*key, number))
    return KINDS[condition.kind](image, condition.severity, generator)


def every_condition() -> tuple[Condition, ...]:
    """All kinds at all severities."""
    return tuple(Condition(kind, severity) for kind in KINDS for severity in SEVERITIES)


def read_conditions(words: Sequence[str]) -> tuple[Condition, ...]:
    """Conditions from `NAME`, `NAME:SEVERITY` or `all`; each once, in the order of the kinds.

    Raises:
        ConfigError: another name or severity.
    """
    chosen = {condition for word in words for condition in _read(word)}
    return tuple(condition for condition in every_condition() if condition in chosen)


def _read(word: str) -> tuple[Condition, ...]:
    kind, colon, severity = word.partition(":")
    if word == "all":
        return every_condition()
    matching = tuple(c for c in every_condition() if c.kind == kind)
    if colon:
        matching = tuple(c for c in matching if str(c.severity) == severity)
    if not matching:
        raise ConfigError(
            f"--corrupt {word}: must be NAME or NAME:SEVERITY with a name of {', '.join(KINDS)} and"
            " a severity of 1, 2 or 3, or all"
        )
    return matching


def _u8(values: npt.NDArray[np.number]) -> U8:
    rounded: U8 = np.rint(values).clip(0, 255).astype(np.uint8)
    return rounded
