"""A strip that the small network of the unit tests can read: a tile is a defect where its right
half is the brighter one.
"""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import onnx

from contract.bundle import Bundle, Golden, write_bundle
from contract.classes import ClassList
from tests.unit.runtime.small_bundle import (
    SIDE,
    expected,
    small_card,
    small_graph,
    small_tiles,
)

CLASSES = ClassList(names=("left", "right"), clean=("left",))
ROWS, COLUMNS = 8, 16
"""Tiles along and across a frame."""
FRAME_M = ROWS * SIDE * 0.0005
WIDTH_MM = COLUMNS * SIDE * 0.5


def write_strip(
    folder: Path,
    frames: int,
    defects: Iterable[tuple[int, int, int]],
    columns: int = COLUMNS,
    grain: int = 0,
) -> Path:
    """Frames of clean strip with a defect at each (frame, tile row, tile column), `columns` tiles
    wide, with a texture of so many grey levels.
    """
    folder.mkdir(parents=True)
    clean = np.full((SIDE, SIDE), 120, np.uint8)
    clean[:, : SIDE // 2] = 140
    pictures = [np.tile(clean, (ROWS, columns)) for _ in range(frames)]
    for frame, row, column in defects:
        tile = pictures[frame][row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE]
        tile[:] = clean[:, ::-1]
        tile[:, SIDE // 2 :] = 240
    random = np.random.default_rng(0)
    for number, picture in enumerate(pictures):
        if grain:  # streaks of four rows, as rolling draws them
            streaks = random.integers(-grain, grain + 1, (len(picture) // 4, picture.shape[1]))
            picture[:] = np.clip(picture + streaks.repeat(4, axis=0), 0, 255)
        cv2.imwrite(str(folder / f"frame_{number:04d}.bmp"), picture)
    return folder


def write_line_bundle(
    path: Path, version: str = "1", graph: onnx.ModelProto | None = None
) -> Bundle:
    """A bundle with a clean class for such a strip; `graph` answers like the small network."""
    tiles = small_tiles()
    probabilities, embedding = expected(tiles)
    card = small_card(CLASSES).model_copy(
        update={"version": version, "mm_per_px": 0.5, "thresholds": {"right": 0.9}}
    )
    return write_bundle(
        path,
        model=(graph or small_graph(CLASSES)).SerializeToString(),
        card=card,
        golden=Golden(tiles, probabilities, embedding),
        people="# small\n",
    )


def sections(folder: Path, frames: Path, **changes: object) -> dict[str, object]:
    """Config sections of a line over these frames, coils of ten frames."""
    return {
        "bundle": str(folder / "bundle"),
        "source": {"kind": "folder", "path": str(frames), "frames_per_s": 50, "repeat": True},
        "strip": {"edges": "fixed"},
        "coils": {"length_m": 10 * FRAME_M, "width_mm": WIDTH_MM},
        "inspect": {"deadline_s": 5.0},
        **changes,
    }
