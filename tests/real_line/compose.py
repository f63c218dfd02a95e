"""Real images side by side as frames, each image one tile, in an order that is written down."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from runtime.scale import fit_tile, read_gray


class Slot(NamedTuple):
    """The place of an image: frame number from 0, first row and column of its tile."""

    frame: int
    row: int
    column: int


class Composed(NamedTuple):
    """Frames on disk and which image lies where. Slots beyond the last image repeat the first."""

    frames: Path
    tiles: Path
    slots: dict[Slot, str]
    frame_count: int
    side_px: int


def compose(
    images: Sequence[str], data: Path, out: Path, tile_px: int, tiles_per_side: int = 4
) -> Composed:
    """Write each image as a tile (`tiles/<class>/<name>.png`) and all of them as frames (.bmp)."""
    frames, tiles = out / "frames", out / "tiles"
    frames.mkdir(parents=True)
    names, pixels = [], []
    for image in images:
        tile = fit_tile(read_gray(data / image), tile_px)
        name = str(Path(image).with_suffix(".png"))
        (tiles / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tiles / name), tile)
        names.append(name)
        pixels.append(tile)
    per_frame = tiles_per_side**2
    count = -(-len(images) // per_frame)
    slots = {}
    for frame in range(count):
        canvas = np.zeros((tiles_per_side * tile_px, tiles_per_side * tile_px), np.uint8)
        for place in range(per_frame):
            index = (frame * per_frame + place) % len(images)
            row, column = (place // tiles_per_side) * tile_px, (place % tiles_per_side) * tile_px
            canvas[row : row + tile_px, column : column + tile_px] = pixels[index]
            slots[Slot(frame, row, column)] = names[index]
        cv2.imwrite(str(frames / f"frame_{frame:04d}.bmp"), canvas)
    return Composed(frames, tiles, slots, count, tiles_per_side * tile_px)
