"""Marked frames to calibrate a screen on: grain and light, and a spot or none in each frame."""

import csv
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from runtime.screen import U8

TILE = 16
ROWS, COLUMNS = 8, 12
HEAD = ("file", "coil", "class", "xmin", "ymin", "xmax", "ymax")


def draw(rng: np.random.Generator) -> U8:
    light = np.linspace(150, 110, COLUMNS * TILE)
    grain = rng.normal(0, 4, (ROWS * TILE, COLUMNS * TILE))
    return np.clip(light + grain, 0, 255).astype(np.uint8)


def write_coils(
    folder: Path, coils: int, depth: Callable[[int], int], seed: int = 0, class_name: str = "right"
) -> Path:
    """Coils of three frames; on the last two of each lies a spot of 8 px, as deep as `depth` says
    for the coil.
    """
    folder.mkdir(parents=True)
    rng, rows = np.random.default_rng(seed), []
    for coil in range(coils):
        for number in range(3):
            name, pixels = f"c{coil:03d}-{number}.png", draw(rng)
            row: tuple[object, ...] = (name, f"coil-{coil}", "", "", "", "", "")
            if number:
                top, left = (int(v) for v in rng.integers(4, (ROWS - 1) * TILE - 8, 2))
                spot = pixels[top : top + 8, left : left + 8].astype(np.int16) - depth(coil)
                pixels[top : top + 8, left : left + 8] = np.clip(spot, 0, 255)
                row = (name, f"coil-{coil}", class_name, left, top, left + 8, top + 8)
            cv2.imwrite(str(folder / name), pixels)
            rows.append(row)
    with (folder / "boxes.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([HEAD, *rows])
    return folder
