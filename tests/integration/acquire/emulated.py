"""A folder of pictures and the source that plays it through the SDK's emulation."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.acquire.position import LinesPosition
from edge.acquire.pylon import PylonSource
from edge.clock import SystemClock
from edge.config import PylonSource as PylonSection
from edge.types import U8

ROWS, COLUMNS, M_PER_ROW = 192, 640, 0.0005
BLOCK_M = ROWS * M_PER_ROW


def draw_pictures(folder: Path) -> list[U8]:
    """Three pictures of noise, as the emulation will play them."""
    rng = np.random.default_rng(3)
    made = [rng.integers(0, 256, (ROWS, COLUMNS), np.uint8) for _ in range(3)]
    for number, pixels in enumerate(made):
        assert cv2.imwrite(str(folder / f"frame-{number:03d}.bmp"), pixels)
    return made


def make(folder: Path | None, **section: Any) -> PylonSource:  # noqa: ANN401 - YAML's values
    config = PylonSection(kind="pylon", emulation=folder, **section)
    return PylonSource(config, LinesPosition(M_PER_ROW), SystemClock())


@contextmanager
def opened(folder: Path, **section: Any) -> Iterator[PylonSource]:  # noqa: ANN401 - YAML's values
    source = make(folder, **section)
    source.open()
    try:
        yield source
    finally:
        source.close()
