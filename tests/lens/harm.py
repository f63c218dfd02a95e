"""Harm before the lens as light does it: the picture is hurt, then the camera adds its noise."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import cv2
import numpy as np

from edge import config
from edge.inspect.lens import BLOCK, MARGIN, Lens
from edge.inspect.strip import find_strip
from edge.simulator.mill import Mill, MillConfig
from edge.simulator.strip import expose
from edge.types import F32, U8

Harm = Callable[[F32], F32]
DETECT = config.Strip()
USUAL = config.Inspect().blurred_below


def defocus(sigma_px: float) -> Harm:
    return lambda grey: cv2.GaussianBlur(grey, (0, 0), sigma_px).astype(np.float32, copy=False)


def fog(contrast: float) -> Harm:
    """A veil that leaves this share of the contrast and as much light."""
    return lambda grey: np.asarray(grey * contrast + grey.mean() * (1 - contrast), np.float32)


def drop(first_block: int, blocks: int, sigma_px: float = 12) -> Harm:
    """Water before some blocks of columns."""

    def harm(grey: F32) -> F32:
        columns = np.s_[:, first_block * BLOCK + MARGIN : (first_block + blocks) * BLOCK + MARGIN]
        wet = grey.copy()
        wet[columns] = cv2.GaussianBlur(grey, (0, 0), sigma_px)[columns]
        return wet

    return harm


def dark(columns: slice, grey_level: float = 6) -> Harm:
    """Something near and dark before some columns, or no light on them."""

    def harm(grey: F32) -> F32:
        hidden = grey.copy()
        hidden[:, columns] = grey_level
        return hidden

    return harm


def hand(first_block: int, blocks: int, grey_level: float = 6) -> Harm:
    """The same before whole blocks."""
    first = first_block * BLOCK + MARGIN
    return dark(slice(first, first + blocks * BLOCK), grey_level)


def untouched(grey: F32) -> F32:
    return grey


def seen_by_camera(grey: F32, seed: int = 0) -> U8:
    """With the camera's noise."""
    return expose(np.random.default_rng(seed), grey, MillConfig().noise)


def strip_frames(mill: MillConfig, frames: Iterable[int]) -> Iterator[F32]:
    """Frames of a simulated mill before the camera adds its noise."""
    silent = Mill(replace(mill, noise=0.0))
    for number in frames:
        yield silent.frame(number).pixels.astype(np.float32)


def look(lens: Lens, grey: F32, harm: Harm = untouched, seed: int = 0) -> None:
    pixels = seen_by_camera(harm(grey), seed)
    lens.look(pixels, find_strip(pixels, DETECT))


def learned(frames: Iterable[F32]) -> Lens:
    """A lens that has seen these frames."""
    lens = Lens(USUAL)
    for seed, grey in enumerate(frames):
        look(lens, grey, seed=seed)
    return lens
