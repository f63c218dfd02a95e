"""All images of a folder in memory, scaled by the line's own code."""

import hashlib
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from runtime.scale import fit_tile, read_gray

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]

THUMBNAIL_PX = 32
DECODERS = 4


@dataclass(frozen=True, slots=True)
class Pictures:
    """`pixels[px]` is U8 `N x px x px` for each size asked for.

    `hashes` identify the decoded pixels, `thumbnails` is F32 `N x 1024` for comparison,
    `tile_px` the typical side of the files.
    """

    pixels: dict[int, U8]
    hashes: tuple[str, ...]
    thumbnails: F32
    tile_px: int


class _Decoded(NamedTuple):
    scaled: list[U8]
    digest: str
    thumbnail: U8
    shape: tuple[int, int]


def decode(paths: Sequence[Path], sizes: Sequence[int]) -> Pictures:
    """Decode every file to 8-bit grey and scale it to each size.

    Raises:
        ConfigError: the first file, in the order given, that is no complete picture.
    """
    sizes = sorted(set(sizes))
    with ThreadPoolExecutor(DECODERS) as pool:
        decoded = list(pool.map(lambda path: _decode(path, sizes), paths))
    return Pictures(
        pixels={px: np.stack([d.scaled[i] for d in decoded]) for i, px in enumerate(sizes)},
        hashes=tuple(d.digest for d in decoded),
        thumbnails=np.stack([_texture(d.thumbnail) for d in decoded]),
        tile_px=typical_side([d.shape for d in decoded]),
    )


def typical_side(shapes: Sequence[tuple[int, int]]) -> int:
    """Side of a square as large as the median of pictures of these heights and widths."""
    return round(median(math.sqrt(height * width) for height, width in shapes))


def _decode(path: Path, sizes: Sequence[int]) -> _Decoded:
    image = read_gray(path)
    height, width = image.shape
    digest = hashlib.sha256(f"{height}x{width}".encode() + image.tobytes()).hexdigest()
    scaled = [fit_tile(image, px) for px in sizes]
    return _Decoded(scaled, digest, fit_tile(image, THUMBNAIL_PX), (height, width))


def _texture(thumbnail: U8) -> F32:
    """Unit vector of the picture without its slow shading, which all tiles of a line share."""
    image = thumbnail.astype(np.float32)
    texture = image - cv2.GaussianBlur(image, (0, 0), THUMBNAIL_PX / 8)
    texture -= texture.mean()
    return (texture / max(float(np.linalg.norm(texture)), 1e-6)).astype(np.float32).ravel()
