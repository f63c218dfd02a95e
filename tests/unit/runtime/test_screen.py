"""The screen's features against plain arithmetic, and what a strip's texture makes of them."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays

from contract.tiles import Span, TileGrid
from runtime.screen import BLOCK, F32, FIRST_ROWS, U8, Texture, blocks_of, half_tiles

TILE = 32
ROWS, COLUMNS = 8, 6
SHAPE = (ROWS, COLUMNS)
NONE = np.zeros(ROWS * COLUMNS, np.bool_)


def strip(seed: int, columns: int = COLUMNS) -> U8:
    """A frame of strip: light that falls to one side, and grain."""
    light = np.linspace(160, 90, COLUMNS * TILE)[: columns * TILE]
    grain = np.random.default_rng(seed).normal(0, 4, (ROWS * TILE, columns * TILE))
    return np.clip(light + grain, 0, 255).astype(np.uint8)


def seen(pixels: U8) -> F32:
    grid = TileGrid(Span(0, pixels.shape[0]), Span(0, pixels.shape[1]), TILE, TILE)
    return blocks_of(half_tiles(pixels, grid), grid.shape)


def learnt(frames: int = 4) -> Texture:
    texture = Texture()
    for seed in range(frames):
        texture.learn(seen(strip(seed)), NONE)
    return texture


def with_spot(seed: int, row: int, column: int, depth: int = 60) -> U8:
    pixels = strip(seed).astype(np.int16)
    top, left = row * TILE + 9, column * TILE + 11
    pixels[top : top + 10, left : left + 10] -= depth
    return np.clip(pixels, 0, 255).astype(np.uint8)


@given(arrays.arrays(np.uint8, (6, 16, 16), elements=st.integers(0, 255)))
def test_blocks_are_what_they_say_tile_by_tile(half: U8) -> None:
    found = blocks_of(half, (2, 3))
    assert found.shape == (3, 2, 3, 4, 4)
    grey = half.astype(np.float64)
    steps = [np.abs(np.diff(grey, axis=axis)) for axis in (1, 2)]
    along = np.concatenate([steps[0], steps[0][:, -1:]], axis=1)
    across = np.concatenate([steps[1], steps[1][..., -1:]], axis=2)
    for k, values in enumerate((grey, along, across)):
        means = values.reshape(2, 3, 4, BLOCK, 4, BLOCK).mean(axis=(3, 5))
        np.testing.assert_allclose(found[k], means, rtol=1e-6)


def test_nothing_is_screened_before_enough_strip_has_been_learned() -> None:
    texture, blocks = Texture(), seen(strip(0))
    assert np.isinf(texture.suspicion(blocks)).all()
    half = blocks[:, : FIRST_ROWS // 2]
    texture.learn(half, NONE[: half.shape[1] * COLUMNS])
    assert np.isinf(texture.suspicion(blocks)).all()
    texture.learn(half, NONE[: half.shape[1] * COLUMNS])
    assert np.isfinite(texture.suspicion(blocks)).all()


@settings(max_examples=30)
@given(row=st.integers(0, ROWS - 1), column=st.integers(0, COLUMNS - 1), depth=st.integers(50, 90))
def test_a_spot_is_the_most_suspicious_tile_under_any_light(
    row: int, column: int, depth: int
) -> None:
    suspicion = learnt().suspicion(seen(with_spot(9, row, column, depth)))
    assert suspicion.argmax() == row * COLUMNS + column
    assert suspicion.max() > 2 * np.sort(suspicion)[-2]


def test_a_column_of_tiles_that_was_never_seen_is_not_screened() -> None:
    texture = Texture()
    for seed in range(4):
        texture.learn(seen(strip(seed, COLUMNS - 1)), NONE[: ROWS * (COLUMNS - 1)])
    suspicion = texture.suspicion(seen(strip(9))).reshape(SHAPE)
    assert np.isinf(suspicion[:, -1]).all()
    assert np.isfinite(suspicion[:, :-1]).all()
    narrow = texture.suspicion(seen(strip(9, COLUMNS - 2)))
    assert np.isfinite(narrow).all()


def test_a_defect_that_goes_on_never_becomes_usual() -> None:
    texture = learnt()
    defect = np.zeros(SHAPE, np.bool_)
    defect[:, 2] = True
    for seed in range(10, 20):
        pixels = strip(seed)
        pixels[:, 2 * TILE + 10 : 2 * TILE + 20] = 30
        suspicion = texture.suspicion(seen(pixels)).reshape(SHAPE)
        assert (suspicion[:, 2] > 2 * suspicion[:, [0, 1, 3, 4, 5]].max()).all()
        texture.learn(seen(pixels), defect.ravel())


def test_a_strip_of_defects_alone_teaches_nothing() -> None:
    texture = Texture()
    for seed in range(4):
        texture.learn(seen(strip(seed)), ~NONE)
    assert np.isinf(texture.suspicion(seen(strip(9)))).all()


def test_the_texture_follows_a_strip_that_grows_darker() -> None:
    texture, worst = learnt(), []
    for step in range(60):
        blocks = seen(strip(step) - np.uint8(step // 4))
        worst.append(float(np.median(texture.suspicion(blocks))))
        texture.learn(blocks, NONE)
    still = float(np.median(learnt().suspicion(seen(strip(9)))))
    assert max(worst) < 2 * still


def test_a_picture_without_grain_has_finite_suspicions() -> None:
    texture, flat = Texture(), np.full((ROWS * TILE, COLUMNS * TILE), 120, np.uint8)
    texture.learn(seen(flat), NONE)
    assert texture.suspicion(seen(flat)).max() == pytest.approx(0)
    flat[5, 5] = 130
    suspicion = texture.suspicion(seen(flat))
    assert suspicion.argmax() == 0
    assert np.isfinite(suspicion).all()
