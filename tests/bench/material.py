"""What is timed: frames of the simulated mill, drawn once, and the bundles for them."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from contract.bundle import Bundle
from contract.tiles import Span, TileGrid
from edge.simulator.mill import Mill, MillConfig
from edge.types import U8
from runtime.scale import cut_and_scale, read_gray
from tests.bench.bundles import MM_PER_PX, Bundles, Shape, bench_bundles
from tests.bench.screened import screened

FRAMES, SEED = 12, 77


class FrameSize(NamedTuple):
    """Rows and columns; Mono8, a byte each."""

    rows: int
    columns: int

    @property
    def bytes(self) -> int:
        """Of one frame."""
        return self.rows * self.columns

    def tiles(self, tile_px: int) -> int:
        """Whole tiles of one frame."""
        return (self.rows // tile_px) * (self.columns // tile_px)


FULL_SIZE = FrameSize(1024, 4096)


class Material:
    """Frames and bundles in a folder; what is there already is not made again."""

    def __init__(self, folder: Path, size: FrameSize = FULL_SIZE) -> None:
        self.folder = folder
        self.size = size
        self._made_from = folder / f"strip-{size.columns}x{size.rows}"
        """Frames, and the bundles that are made from them."""
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def frame_files(self) -> Path:
        """The folder of frames for a source of kind `folder`; drawn at the first call."""
        path = self._made_from / "frames"
        if not path.is_dir():
            draft = self._made_from / "frames.partial"
            draft.mkdir(parents=True, exist_ok=True)
            _draw(draft, self.size)
            draft.rename(path)
        return path

    def frames(self) -> list[U8]:
        """The same as arrays, `rows x columns`."""
        return [read_gray(file) for file in sorted(self.frame_files.glob("*.bmp"))]

    def bundles(self, shape: Shape) -> Bundles:
        """The bundles of one network."""
        return bench_bundles(self._made_from / shape.folder, shape, self.tiles(shape), FRAMES)

    def screened(self, shape: Shape) -> Bundle:
        """The reporting bundle of a network with a screen."""
        path = self._made_from / shape.folder / "screened"
        return screened(path, self.bundles(shape).int8, self.frames(), self.tiles(shape))

    def tiles(self, shape: Shape) -> U8:
        """All tiles of all frames as the network gets them, `N x input x input`."""
        return cut(self.frames(), shape)

    def scratch(self) -> Path:
        """A folder for one run, on the same disk: a ledger in memory would sync at no cost."""
        path = self.folder / "run"
        path.mkdir(exist_ok=True)
        return path


def cut(frames: Sequence[U8], shape: Shape) -> U8:
    """All tiles of some frames, scaled to the network's input."""
    rows, columns = frames[0].shape
    grid = TileGrid(Span(0, rows), Span(0, columns), shape.tile_px, shape.tile_px)
    return np.concatenate([cut_and_scale(frame, grid, shape.input_px) for frame in frames])


def _draw(path: Path, size: FrameSize) -> None:
    width_mm = size.columns * MM_PER_PX  # the strip fills the picture, so every tile is strip
    config = MillConfig(
        seed=SEED, width_px=size.columns, rows=size.rows, mm_per_px=MM_PER_PX,
        strip_mm=(width_mm, width_mm), wander_mm=0,
    )  # fmt: skip
    mill = Mill(config)
    for number in range(FRAMES):
        cv2.imwrite(str(path / f"frame_{number:02d}.bmp"), mill.frame(number).pixels)
