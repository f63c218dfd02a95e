"""`clean`: defect-free tiles cut from real frames, as an image folder with one class.

    OUT/clean/<frame>_r<row>_c<column>.png   the tiles
    OUT/groups.csv                           one group per frame
    OUT/tiles.csv                            where each tile comes from, and its grey mapping
    OUT/dataset.json                         scale, tile size, sources, the command
    OUT/sheet.png                            some tiles of each frame, a row per frame, to look at

A tile is taken where nothing can be wrong with it: it lies on the strip whole, and with a margin it
touches no marked box. Only frames that the table of boxes names are used, since a frame that nobody
looked through may show anything; a row with a file and empty corners names a frame without defects.
"""

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from contract.errors import ConfigError
from contract.marks import BOXES, UNMARKED
from contract.tiles import Boxes, Span, TileGrid
from runtime.scale import fit_tile, read_gray
from runtime.strip import BLACK, detect_strip
from training.clean.grey import GreyMap, GreyStatistics, match_to
from training.job import claim

U8 = npt.NDArray[np.uint8]
COLUMNS = ("ymin", "xmin", "ymax", "xmax")
TILE_HEADER = ("file", "frame", "row", "column", "side_px", "gain", "offset")
SHEET_PX, SHEET_TILES, SHEET_FRAMES = 96, 12, 60
EXACT = GreyMap(1.0, 0.0)


@dataclass(frozen=True, slots=True)
class Cut:
    """What to cut. `mm_per_px` is the frames' scale, `tile_mm_per_px` that of the tiles; without
    the latter tiles are cut as they are. Margins are pixels of the frame. Frames in `exclude` are
    passed over. With `match` each tile takes median and spread of grey of one tile of that list,
    drawn with `seed`.
    """

    frames: Path
    boxes: Path
    out: Path
    tile_px: int
    mm_per_px: float | None
    tile_mm_per_px: float | None
    margin_px: int
    edge_margin_px: int
    per_frame: int | None
    exclude: tuple[str, ...]
    match: tuple[GreyStatistics, ...]
    seed: int
    command: tuple[str, ...]

    @property
    def side_px(self) -> int:
        """Side of a tile in pixels of the frame.

        Raises:
            ConfigError: the tiles' scale is given and the frames' is not, or no sensible side.
        """
        if self.tile_mm_per_px is None:
            return self.tile_px
        if self.mm_per_px is None:
            raise ConfigError("--tile-mm-per-px needs the frames' scale: give --mm-per-px as well")
        side = round(self.tile_px * self.tile_mm_per_px / self.mm_per_px)
        if not 8 <= side <= 4096:
            raise ConfigError(
                f"a tile would be {side} pixels of the frame; --mm-per-px and --tile-mm-per-px must"
                " give 8 to 4096"
            )
        return side


class Tile(NamedTuple):
    """A row of `tiles.csv`."""

    file: str
    frame: str
    row: int
    column: int
    side_px: int
    gain: float
    offset: float


def cut_clean(cut: Cut) -> str:
    """Write the folder; returns what was done, in a few lines.

    Raises:
        ConfigError: frames, boxes or sizes are not as they must be, or no tile is left.
    """
    side, marked = cut.side_px, read_boxes(cut.boxes)
    if unknown := set(cut.exclude) - set(marked):
        raise ConfigError(f"--exclude {min(unknown)}: {cut.boxes} does not name it")
    generator = np.random.default_rng(cut.seed)
    claim(cut.out)
    (cut.out / "clean").mkdir()
    tiles: list[Tile] = []
    for frame in sorted(set(marked) - set(cut.exclude)):
        tiles += _cut_frame(cut, frame, marked[frame], side, generator)
    if not tiles:
        raise ConfigError(
            f"{cut.frames}: no tile of {side} px lies on the strip and clear of all boxes; give a"
            " smaller --tile-px or margin"
        )
    _write_tables(cut, tiles)
    _draw_sheet(cut, tiles)
    return _summary(cut, tiles, len(marked) - len(cut.exclude))


def read_boxes(path: Path) -> dict[str, Boxes]:
    """Boxes by frame, int32 `N x 4` (row, column, end row, end column), from a CSV with the columns
    file, xmin, ymin, xmax, ymax; empty corners name a frame without a box.

    Raises:
        ConfigError: no such table, one that nobody has marked yet, a corner that is no whole
            number, or an empty box.
    """
    if path.name == UNMARKED:
        raise ConfigError(
            f"{path}: mark the defects in it and rename it {BOXES}; as it is, every frame is clean"
        )
    found: dict[str, list[list[int]]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for row in csv.DictReader(stream, strict=True):
                corners = [row[name] for name in COLUMNS]
                boxes = found.setdefault(row["file"], [])
                if any(corners):
                    boxes.append([int(corner) for corner in corners])
        arrays = {file: _boxes(b) for file, b in found.items()}
    except (OSError, KeyError, TypeError, ValueError, OverflowError, csv.Error) as error:
        raise ConfigError(
            f"{path}: not a table of boxes ({error}); it needs the columns file, xmin, ymin, xmax,"
            " ymax with whole numbers, or empty ones for a frame without defects"
        ) from error
    for file, corners_of_file in arrays.items():
        if not file:
            raise ConfigError(f"{path}: has a row without a file")
        if bool(np.any(corners_of_file[:, 2:] <= corners_of_file[:, :2])):
            raise ConfigError(f"{path}: {file} has a box whose end is not behind its start")
    if not arrays:
        raise ConfigError(f"{path}: names no frame")
    return arrays


def _boxes(corners: list[list[int]]) -> Boxes:
    return np.array(corners, np.int32).reshape(-1, 4)


def clear_tiles(pixels: U8, boxes: Boxes, side: int, margin_px: int, edge_margin_px: int) -> Boxes:
    """The tiles of a frame, U8 `H x W`, that lie on the strip and touch no box with the margin."""
    if pixels.mean() < BLACK:
        return np.empty((0, 4), np.int32)
    columns = detect_strip(pixels).inside(edge_margin_px)
    grid: Boxes = TileGrid(Span(0, pixels.shape[0]), columns, side, side).boxes()
    if not len(grid) or not len(boxes):
        return grid
    starts, ends = grid[:, None, :2] - margin_px, grid[:, None, 2:] + margin_px
    overlap = (starts < boxes[None, :, 2:]) & (ends > boxes[None, :, :2])
    free: Boxes = grid[~np.any(np.all(overlap, axis=2), axis=1)]
    return free


def _cut_frame(
    cut: Cut, frame: str, boxes: Boxes, side: int, generator: np.random.Generator
) -> list[Tile]:
    path = cut.frames / frame
    if not path.resolve().is_relative_to(cut.frames.resolve()):
        raise ConfigError(f"{cut.boxes}: {frame} lies outside {cut.frames}")
    pixels = read_gray(path)
    chosen = clear_tiles(pixels, boxes, side, cut.margin_px, cut.edge_margin_px)
    if cut.per_frame is not None and len(chosen) > cut.per_frame:
        chosen = chosen[np.sort(generator.permutation(len(chosen))[: cut.per_frame])]
    tiles = []
    for row, column, end_row, end_column in chosen.tolist():
        image = fit_tile(np.ascontiguousarray(pixels[row:end_row, column:end_column]), cut.tile_px)
        grey = match_to(image, cut.match, generator) if cut.match else EXACT
        # Two frames of one name in two folders must not meet: their path's digest tells them apart.
        mark = sha256(frame.encode()).hexdigest()[:6]
        file = f"clean/{Path(frame).stem[:80]}_{mark}_r{row:05}_c{column:05}.png"
        _write_png(cut.out / file, grey.apply(image))
        tiles.append(Tile(file, frame, row, column, side, grey.gain, grey.offset))
    return tiles


def _write_tables(cut: Cut, tiles: Sequence[Tile]) -> None:
    for name, header, rows in (
        ("groups.csv", ("file", "group"), [(t.file, f"frame:{t.frame}") for t in tiles]),
        ("tiles.csv", TILE_HEADER, [(*t[:5], f"{t.gain:.4f}", f"{t.offset:.2f}") for t in tiles]),
    ):
        with (cut.out / name).open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows([header, *rows])
    frames = Counter(tile.frame for tile in tiles)
    about = {
        "name": "Defect-free tiles of real frames",
        "classes": ["clean"],
        "clean": ["clean"],
        "tile_px": cut.tile_px,
        "mm_per_px": cut.tile_mm_per_px or cut.mm_per_px,
        "counts": {"clean": len(tiles)},
        "frames": [
            {
                "file": frame, "tiles": count,
                "sha256": sha256((cut.frames / frame).read_bytes()).hexdigest(),
            }
            for frame, count in frames.items()
        ],
        "boxes_sha256": sha256(cut.boxes.read_bytes()).hexdigest(),
        "grey_matched": bool(cut.match),
        "command": list(cut.command),
    }  # fmt: skip
    (cut.out / "dataset.json").write_text(json.dumps(about, indent=1) + "\n", "utf-8")


def _draw_sheet(cut: Cut, tiles: Sequence[Tile]) -> None:
    rows = []
    for frame in dict.fromkeys(tile.frame for tile in tiles):
        files = [tile.file for tile in tiles if tile.frame == frame]
        row = np.zeros((SHEET_PX, SHEET_TILES * (SHEET_PX + 2)), np.uint8)
        shown = np.unique(np.linspace(0, len(files) - 1, SHEET_TILES).round().astype(int))
        for place, index in enumerate(shown.tolist()):
            left = place * (SHEET_PX + 2)
            tile = fit_tile(read_gray(cut.out / files[index]), SHEET_PX)
            row[:, left : left + SHEET_PX] = tile
        rows.append(np.pad(row, ((0, 2), (0, 0))))
    _write_png(cut.out / "sheet.png", np.concatenate(rows[:SHEET_FRAMES]))


def _write_png(path: Path, pixels: U8) -> None:
    """By Python, which says that the disk is full; OpenCV's own writer returns False."""
    path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())


def _summary(cut: Cut, tiles: Sequence[Tile], frames: int) -> str:
    used = len({tile.frame for tile in tiles})
    lines = [
        f"{cut.out}: {len(tiles)} clean tiles of {cut.tile_px} px from {used} frames",
        "look at sheet.png; --exclude leaves out a frame that shows what nobody marked",
    ]
    if used < frames:
        lines.append(f"{frames - used} frames gave none: boxes, or no strip wide enough")
    if used < 3:
        lines.append("a split needs clean tiles of three frames or more: add frames")
    if (cut.tile_mm_per_px or cut.mm_per_px) is None:
        lines.append("mm per pixel unknown: these tiles may show the strip at another scale than")
        lines.append("the defects do; give --mm-per-px and --tile-mm-per-px")
    return "\n".join(lines)
