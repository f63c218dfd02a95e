"""Drawn shapes of known size on drawn steel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.inspect.segment import Mask, segment
from edge.types import U8

SIDE = 200


def steel(seed: int, noise: float = 2.0, streaks: float = 0.0, slope: float = 0.0) -> np.ndarray:
    """Grey with noise, with streaks along the strip, and with light that falls across it."""
    rng = np.random.default_rng(seed)
    along = np.repeat(rng.normal(0, streaks or 1e-9, SIDE // 8), 8)
    across = np.linspace(-0.5, 0.5, SIDE) * slope
    return np.asarray(120 + rng.normal(0, noise, (SIDE, SIDE)) + along + across)


def seen(grey: np.ndarray) -> U8:
    return np.clip(grey + 0.5, 0, 255).astype(np.uint8)


def ellipse(height: float, width: float, degrees: float = 0.0) -> Mask:
    rows, columns = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    angle = np.deg2rad(degrees)
    along = rows * np.cos(angle) + columns * np.sin(angle)
    beside = columns * np.cos(angle) - rows * np.sin(angle)
    return np.asarray((2 * along / height) ** 2 + (2 * beside / width) ** 2 <= 1, np.bool_)


def all_of(pixels: U8) -> Mask:
    return np.ones(pixels.shape, np.bool_)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 99),
    st.floats(12, 60),
    st.floats(12, 60),
    st.floats(0, 180),
    st.sampled_from([-40, -25, 25, 40]),
    st.floats(0, 20),
)
def test_an_ellipse_is_found_wherever_it_leans_darker_or_lighter_and_in_sloping_light(
    seed: int, height: float, width: float, degrees: float, contrast: int, slope: float
) -> None:
    truth = ellipse(height, width, degrees)
    pixels = seen(steel(seed, slope=slope) + contrast * truth)
    found = segment(pixels, all_of(pixels))
    both, either = np.count_nonzero(found.mask & truth), np.count_nonzero(found.mask | truth)
    border = np.pi * (height + width) / 2
    assert either - both < border
    assert np.sign(found.difference[found.mask].mean()) == np.sign(contrast)


def test_a_line_along_streaky_steel_is_found_and_the_streaks_are_not() -> None:
    line = np.zeros((SIDE, SIDE), np.bool_)
    line[:, 97:101] = True
    pixels = seen(steel(1, streaks=3) - 50 * line)
    found = segment(pixels, all_of(pixels)).mask
    assert found[:, 97:101].mean() > 0.9
    assert found.sum() < 2 * line.sum()


def test_the_darker_pieces_or_the_lighter_ones_but_not_both() -> None:
    dark, light = ellipse(50, 50), np.roll(ellipse(12, 12), 60, axis=0)
    pixels = seen(steel(2) - 40 * dark + 40 * light)
    found = segment(pixels, all_of(pixels)).mask
    assert found[dark].mean() > 0.9
    assert not found[light & ~dark].any()


def test_a_piece_that_does_not_begin_in_its_own_tiles_is_another_s() -> None:
    mine, other = np.roll(ellipse(30, 30), -50, axis=1), np.roll(ellipse(30, 30), 50, axis=1)
    pixels = seen(steel(3) - 40 * (mine | other))
    own = all_of(pixels)
    own[:, SIDE // 2 :] = False
    found = segment(pixels, own).mask
    assert found[mine].mean() > 0.9
    assert not found[other].any()


@pytest.mark.parametrize("grey", [0, 120, 255])
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 2), (3, 9), (64, 64)])
def test_a_picture_of_one_grey_holds_nothing_whatever_its_size(
    grey: int, shape: tuple[int, int]
) -> None:
    pixels = np.full(shape, grey, np.uint8)
    found = segment(pixels, all_of(pixels))
    assert found.mask.shape == found.difference.shape == shape
    assert not found.mask.any()


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 70), st.integers(1, 70), st.sampled_from([20, 255]))
def test_no_picture_is_too_small_or_too_wild(
    seed: int, height: int, width: int, white_from: int
) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, width), dtype=np.uint8)
    pixels[pixels > white_from] = 255
    own = rng.random((height, width)) < 0.5
    found = segment(pixels, own)
    assert found.mask.dtype == np.bool_
    assert found.mask.shape == pixels.shape
    assert not found.mask.any() or (found.mask & own).any()


def test_clean_steel_holds_nothing() -> None:
    held = [segment(seen(steel(n)), np.ones((SIDE, SIDE), np.bool_)).mask.sum() for n in range(20)]
    assert not any(held)
