"""Frames with marked defects, read in the order in which the strip passed.

Two kinds of folder: what `stripsight-edge simulate` writes (`truth.json`, masks), and your own
frames with a `boxes.csv`, its rows in the order of the strip:

    file,coil,class,xmin,ymin,xmax,ymax

A row with empty corners names a frame without a defect. Every frame between a coil's first and last
one should be there: what is usual on the strip is learned from frame to frame.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from contract.errors import ConfigError
from contract.marks import BOXES
from contract.tiles import Span
from runtime.scale import read_gray

U8 = npt.NDArray[np.uint8]
TRUTH = "truth.json"


class Mark(NamedTuple):
    """A marked defect in a frame: `mask` U8 (0 or 1) starts at `row`, `column` of the frame."""

    id: str
    class_name: str
    width_mm: float | None
    row: int
    column: int
    mask: U8


class Piece(NamedTuple):
    """The rows of a frame that belong to one coil."""

    coil: str
    pixels: U8
    """The whole frame."""
    rows: Span
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Marked:
    """A folder of marked frames."""

    folder: Path
    files: tuple[Path, ...]
    mm_per_px: float | None
    table: Path

    def pieces(self) -> Iterator[Piece]:
        """Read frame after frame.

        Raises:
            ConfigError: a picture that cannot be read, or a mark that is not in it.
        """
        return _simulated(self.folder) if self.table.name == TRUTH else _boxed(self.folder)

    def digest(self) -> str:
        """Of the table and of every frame."""
        digest = sha256()
        for path in (self.table, *self.files):
            with path.open("rb") as stream:
                digest.update(file_digest(stream, "sha256").digest())
        return digest.hexdigest()


def open_marked(folder: Path) -> Marked:
    """Find out what kind of folder it is.

    Raises:
        ConfigError: neither `truth.json` nor `boxes.csv` lies there, or one that is broken.
    """
    if (folder / TRUTH).is_file():
        truth = _truth(folder)
        files = tuple(folder / frame["file"] for frame in truth["frames"])
        return Marked(folder, files, truth["mill"]["mm_per_px"], folder / TRUTH)
    if (folder / BOXES).is_file():
        files = tuple(folder / file for file in dict.fromkeys(row["file"] for row in _rows(folder)))
        return Marked(folder, files, None, folder / BOXES)
    raise ConfigError(
        f"{folder}: no {TRUTH} (from stripsight-edge simulate) and no {BOXES} there; one of them"
        " must mark the defects"
    )


def _truth(folder: Path) -> dict[str, Any]:
    try:
        truth: dict[str, Any] = json.loads((folder / TRUTH).read_text("utf-8"))
        _ = truth["mill"]["mm_per_px"], [frame["file"] for frame in truth["frames"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{folder / TRUTH}: is not what stripsight-edge simulate writes ({error!r})"
        ) from error
    return truth


def _simulated(folder: Path) -> Iterator[Piece]:
    truth = _truth(folder)
    m_per_row = truth["mill"]["mm_per_px"] / 1000
    for frame in truth["frames"]:
        pixels, mask = read_gray(folder / frame["file"]), read_gray(folder / frame["mask"])
        for coil in frame["coils"]:
            start, end = (
                round((coil[where] - frame["first_m"]) / m_per_row)
                for where in ("head_m", "tail_m")
            )
            rows = Span(max(0, start), min(len(pixels), end))
            marks = tuple(
                _mark(defect, mask == number)
                for number, defect in enumerate(frame["defects"], start=1)
                if defect["coil"] == coil["id"]
            )
            yield Piece(f"{folder}/{coil['id']}", pixels, rows, marks)


def _mark(defect: dict[str, Any], mask: npt.NDArray[np.bool_]) -> Mark:
    top, left, end, side = defect["box_px"]
    part = mask[top:end, left:side].astype(np.uint8)
    return Mark(defect["id"], defect["class_name"], defect["width_mm"], top, left, part)


def _rows(folder: Path) -> list[dict[str, str]]:
    path = folder / BOXES
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream, strict=True))
        _ = [(row["file"], row["coil"], row["class"], _corners(row)) for row in rows]
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise ConfigError(
            f"{path}: not a table of marks ({error!r}); it needs the columns file, coil, class,"
            " xmin, ymin, xmax, ymax"
        ) from error
    if not rows:
        raise ConfigError(f"{path}: names no frame")
    return rows


def _corners(row: dict[str, str]) -> tuple[int, int, int, int] | None:
    """First row, first column, end row, end column."""
    texts = [row[name] for name in ("ymin", "xmin", "ymax", "xmax")]
    if not any(texts):
        return None
    top, left, end, side = map(int, texts)
    if not (0 <= top < end and 0 <= left < side):
        raise ValueError(f"{row['file']} has a box whose end is not behind its start")
    return top, left, end, side


def _boxed(folder: Path) -> Iterator[Piece]:
    rows = _rows(folder)
    for file in dict.fromkeys(row["file"] for row in rows):
        pixels = read_gray(folder / file)
        mine = [(number, row) for number, row in enumerate(rows) if row["file"] == file]
        marks = []
        for number, row in mine:
            if corners := _corners(row):
                top, left, end, side = corners
                whole = np.ones((end - top, side - left), np.uint8)
                marks.append(Mark(f"row {number}", row["class"], None, top, left, whole))
        yield Piece(f"{folder}/{mine[0][1]['coil']}", pixels, Span(0, len(pixels)), tuple(marks))
