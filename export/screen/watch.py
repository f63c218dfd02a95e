"""Marked frames before the screen: the suspicion of each defect, and of the tiles without one."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from contract.tiles import Boxes, TileGrid
from export.screen.marked import Mark, Piece
from runtime.screen import Texture, blocks_of, half_tiles
from runtime.strip import detect_strip

F32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


class Met(NamedTuple):
    """A defect that the screen met: the suspicion of the tile that shows most of it.

    Not of its most suspicious tile: a defect is as good as missed when the network is shown only a
    sliver of it.
    """

    coil: str
    id: str
    class_name: str
    width_mm: float | None
    suspicion: float


@dataclass
class Watched:
    """What came of a folder of frames. Tiles and defects of a coil's first rows are not in it:
    nothing is screened there, so nothing missed.
    """

    met: list[Met] = field(default_factory=list)
    clean: dict[str, list[F32]] = field(default_factory=dict)
    """Suspicions of the tiles without a mark, by coil."""
    tiles: int = 0
    seconds: float = 0.0
    """Of the screen alone."""

    def of(self, coils: set[str]) -> "Watched":
        """Only some coils."""
        return Watched(
            [met for met in self.met if met.coil in coils],
            {coil: parts for coil, parts in self.clean.items() if coil in coils},
            self.tiles,
            self.seconds,
        )

    def clean_tiles(self) -> F32:
        """All suspicions of tiles without a mark."""
        return np.concatenate(
            [np.empty(0, np.float32), *(p for c in self.clean.values() for p in c)]
        )

    def one_per_coil(self, seed: int) -> list[Met]:
        """One defect of each class and coil, drawn by chance: those of one coil share its look, so
        that only one of them counts as an independent trial.
        """
        rng = np.random.default_rng(seed)
        groups: dict[tuple[str, str], list[Met]] = {}
        for met in sorted(self.met):
            groups.setdefault((met.coil, met.class_name), []).append(met)
        return [group[int(rng.integers(len(group)))] for group in groups.values()]


def watch(pieces: Iterable[Piece], tile_px: int, edge_margin_px: int) -> Watched:
    """Screen every piece as the line would, with the marks in the network's place: tiles that show
    one teach nothing.
    """
    watched, coil, texture = Watched(), None, Texture()
    clearest: dict[tuple[str, str], tuple[int, Met]] = {}
    for piece in pieces:
        if piece.coil != coil:
            coil, texture = piece.coil, Texture()
        columns = detect_strip(piece.pixels).inside(edge_margin_px)
        grid = TileGrid(piece.rows, columns, tile_px, tile_px)
        if 0 in grid.shape:
            continue
        shown = [shown_by(grid.boxes(), mark) for mark in piece.marks]
        marked = np.any(shown, axis=0) if shown else np.zeros(len(grid.boxes()), np.bool_)
        start = time.perf_counter()
        blocks = blocks_of(half_tiles(piece.pixels, grid), grid.shape)
        suspicion = texture.suspicion(blocks)
        texture.learn(blocks, marked)
        watched.seconds += time.perf_counter() - start
        watched.tiles += len(suspicion)
        working = np.isfinite(suspicion)
        watched.clean.setdefault(piece.coil, []).append(suspicion[working & ~marked])
        _meet(piece, shown, suspicion, clearest)
    watched.met = [met for _, met in clearest.values() if np.isfinite(met.suspicion)]
    return watched


def _meet(
    piece: Piece,
    shown: Sequence[Ints],
    suspicion: F32,
    clearest: dict[tuple[str, str], tuple[int, Met]],
) -> None:
    """Remember each defect's clearest tile, also over frames."""
    for mark, pixels in zip(piece.marks, shown, strict=True):
        best, key = int(pixels.argmax()), (piece.coil, mark.id)
        most = int(pixels[best])
        if most > clearest.get(key, (0,))[0]:
            about = (piece.coil, mark.id, mark.class_name, mark.width_mm)
            clearest[key] = most, Met(*about, float(suspicion[best]))


def shown_by(boxes: Boxes, mark: Mark) -> Ints:
    """How many pixels of a mark each tile shows, `N`."""
    sums = cv2.integral(mark.mask)
    rows = (boxes[:, [0, 2]] - mark.row).clip(0, mark.mask.shape[0])
    columns = (boxes[:, [1, 3]] - mark.column).clip(0, mark.mask.shape[1])
    (top, end), (left, side) = rows.T, columns.T
    found = sums[end, side] - sums[top, side] - sums[end, left] + sums[top, left]
    return np.asarray(found, np.int64)
