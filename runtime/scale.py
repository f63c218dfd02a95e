"""The one way from pixels to the network's input, for training, evaluation and the line alike.

A tile, whatever its size, becomes a square of `input_px` by area averaging where it shrinks and by
linear interpolation where it grows. `cut_and_scale` does this for all tiles of a frame and gives
bit for bit what `fit_tile` gives for each of them alone: a network must not meet one scaling in
training and another at the mill.
"""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from contract.errors import ConfigError
from contract.tiles import TileGrid
from runtime.picture import picture_size

U8 = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

MAX_PICTURE_PIXELS = 1 << 27
"""16384 x 8192, more than any line-scan block; a larger header is a mistake or an attack."""
MAX_PICTURE_BYTES = 1 << 29

# `read_gray` says itself what is wrong with a file.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def fit_tile(image: U8, input_px: int) -> U8:
    """Scale a whole picture (U8 `h x w`) to the network's input; its aspect is not kept.

    Returns the picture itself where it has that size already.
    """
    height, width = image.shape
    if (height, width) == (input_px, input_px):
        return image
    shrunk = (min(width, input_px), min(height, input_px))
    small = cv2.resize(image, shrunk, interpolation=cv2.INTER_AREA)
    if shrunk != (input_px, input_px):  # the exact form gives the same bits on every processor
        small = cv2.resize(small, (input_px, input_px), interpolation=cv2.INTER_LINEAR_EXACT)
    return _gray(small)


def cut_and_scale(
    pixels: U8,
    grid: TileGrid,
    input_px: int,
    out: U8 | None = None,
    wanted: Bools | None = None,
) -> U8:
    """Cut a frame's tiles and scale each to the network's input.

    Where a tile is a whole multiple of the input and most are wanted there is no Python work per
    tile: the rectangle is averaged at once and reordered.

    Args:
        pixels: U8 `H x W`, may be a view; the grid lies inside it.
        grid: the tiles.
        input_px: side of the network's input.
        out: U8 `N x input_px x input_px`, C-contiguous, `N` at least the number of tiles; the
            caller's own, overwritten. None makes a new array.
        wanted: which tiles are wanted, `N`; of the others, what comes back means nothing.

    Returns:
        The used part of `out`, in the order of `grid.boxes()`.
    """
    tops, lefts = grid.row_starts(), grid.column_starts()
    count = len(tops) * len(lefts)
    if out is None:
        out = np.empty((count, input_px, input_px), np.uint8)
    if not out.flags.c_contiguous or len(out) < count or out.shape[1:] != (input_px, input_px):
        raise ValueError(f"out must be contiguous, {count} or more x {input_px} x {input_px}")
    if count and (grid.rows.end > pixels.shape[0] or grid.columns.end > pixels.shape[1]):
        raise ValueError(f"grid reaches outside a picture of {pixels.shape}")
    tiles = out[:count].reshape(len(tops), len(lefts), input_px, input_px)
    chosen = np.ones(grid.shape, np.bool_) if wanted is None else wanted.reshape(grid.shape)
    for rows in _regular(tops, grid.tile_rows):
        for columns in _regular(lefts, grid.tile_columns):
            block = tiles[rows, columns]
            top, left = tops[rows.start], lefts[columns.start]
            bottom = top + block.shape[0] * grid.tile_rows
            right = left + block.shape[1] * grid.tile_columns
            _cut_block(pixels[top:bottom, left:right], block, chosen[rows, columns])
    return out[:count]


def _regular(starts: npt.NDArray[np.int32], tile: int) -> tuple[slice, ...]:
    """The tiles that follow each other without overlap, and apart the last if it reaches back."""
    count = len(starts)
    if count == 0:
        return ()
    if count > 1 and starts[-1] - starts[-2] != tile:
        return slice(0, count - 1), slice(count - 1, count)
    return (slice(0, count),)


def _cut_block(pixels: U8, tiles: U8, wanted: Bools) -> None:
    along, across, side, _ = tiles.shape
    tile_rows, tile_columns = pixels.shape[0] // along, pixels.shape[1] // across
    exact = tile_rows % side == 0 and tile_columns % side == 0
    if exact and 2 * wanted.sum() > wanted.size:
        if (tile_rows, tile_columns) != (side, side):
            size = (across * side, along * side)
            pixels = _gray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
        tiles[...] = pixels.reshape(along, side, across, side).transpose(0, 2, 1, 3)
        return
    for i, j in np.argwhere(wanted).tolist():
        rows = slice(i * tile_rows, (i + 1) * tile_rows)
        columns = slice(j * tile_columns, (j + 1) * tile_columns)
        tiles[i, j] = fit_tile(pixels[rows, columns], side)


def read_gray(path: Path) -> U8:
    """Decode a picture file to 8-bit grey, U8 `h x w`; colour is turned into grey.

    Damage inside a JPEG's scan data that keeps its markers whole cannot be told from a picture.

    Raises:
        ConfigError: no complete JPEG, PNG, BMP or TIFF picture, more than 8 bits per value,
        transparent, or unreasonably large; the text names file and cure.
    """
    data = _read(path)
    try:
        size = picture_size(data)
    except ValueError as error:
        raise ConfigError(f"{path}: the file {error}; replace or remove it") from error
    if not 0 < size.height * size.width <= MAX_PICTURE_PIXELS:
        raise ConfigError(
            f"{path}: {size.width} x {size.height} pixels is outside what is read (at most"
            f" {MAX_PICTURE_PIXELS >> 20} million); cut it into tiles"
        )
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ConfigError(f"{path}: cannot be decoded ({error.err}); replace it") from error
    # cv2's types promise an array, but it returns None for what it cannot decode.
    if not isinstance(picture, np.ndarray):
        raise ConfigError(f"{path}: damaged, cannot be decoded; replace or remove it")
    return _to_gray(picture, path)


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise ConfigError(f"{path}: no such picture file")
        if path.stat().st_size > MAX_PICTURE_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_PICTURE_BYTES >> 20} MiB; remove it")
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check its rights") from error


def _to_gray(picture: npt.NDArray[Any], path: Path) -> U8:
    if picture.dtype != np.uint8:
        raise ConfigError(
            f"{path}: has {picture.dtype} values, not 8 bits; convert it with a stated grey range"
        )
    grey = _gray(picture)
    if grey.ndim == 2:
        return grey
    if grey.shape[2] == 4 and grey[..., 3].min() < 255:
        raise ConfigError(f"{path}: is transparent in places; save it without an alpha channel")
    if grey.shape[2] not in {3, 4}:
        raise ConfigError(f"{path}: has {grey.shape[2]} channels; save it as grey")
    return _gray(cv2.cvtColor(grey[..., :3], cv2.COLOR_BGR2GRAY))


def _gray(picture: npt.NDArray[Any]) -> U8:
    """The same array with the type that cv2's signatures lose."""
    return picture.astype(np.uint8, copy=False)
