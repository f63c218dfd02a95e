"""Does a simulated tile look like a real one? Measures, limits, and a sheet for the eye.

The limits were written before the first comparison. Each measure of a simulated class is held
against the same class of real tiles (X-SDD: 128 px, hot-rolled strip), whose spread is taken from
the real tiles at the time of the comparison and never from simulated ones:

* the median of the simulated tiles lies between the real class's 15th and 85th percentile: the
  typical tile would be an ordinary tile of the real set;
* at least 60 % of the simulated tiles lie between its 2nd and 98th percentile (a second sample of
  the real class would reach 96 %): the simulated class may be more various, since a network is
  trained on it, but its bulk must be real.

X-SDD's cameras bring every surface to a grey of about 130, so the compared tiles are drawn with
that exposure; training tiles vary it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from edge.errors import ConfigError
from edge.types import U8

SIDE_PX = 128
MEDIAN_BETWEEN = (0.15, 0.85)
BULK_BETWEEN = (0.02, 0.98)
MIN_BULK_SHARE = 0.60
MIN_TILES = 30
"""Fewer tiles than this give no quantiles worth comparing."""

MEASURES: Mapping[str, str] = {
    "mean_grey": "exposure: a darker world teaches other grey levels",
    "std_grey": "overall contrast, grain and defect together",
    "gradient": "mean length of the grey gradient: sharpness and density of edges",
    "fine_share": "share of the variance finer than 1.5 px: grain against structure",
    "contrast": "99.5th percentile of the distance from the median grey: how strong the defect is",
    "across_share": "share of gradient energy across the strip: structure along the rolling"
    " direction gives more than 0.5",
}


class Verdict(NamedTuple):
    """One measure of one class held to the limits."""

    class_name: str
    measure: str
    simulated_median: float
    real_low: float
    real_high: float
    bulk_share: float

    @property
    def passed(self) -> bool:
        """Whether both limits hold."""
        inside = self.real_low <= self.simulated_median <= self.real_high
        return inside and self.bulk_share >= MIN_BULK_SHARE


def measure(tile: U8) -> dict[str, float]:
    """The measures of one tile (`MEASURES`)."""
    grey = tile.astype(np.float32)
    across = (grey[1:-1, 2:] - grey[1:-1, :-2]) / 2
    along = (grey[2:, 1:-1] - grey[:-2, 1:-1]) / 2
    energy_across, energy_along = float(np.sum(across**2)), float(np.sum(along**2))
    fine = grey - cv2.GaussianBlur(grey, (0, 0), 1.5)
    # A tile of one single grey has no variance and no direction; both shares are then neutral.
    return {
        "mean_grey": float(grey.mean()),
        "std_grey": float(grey.std()),
        "gradient": float(np.hypot(across, along).mean()),
        "fine_share": float(fine.var()) / max(float(grey.var()), 1e-6),
        "contrast": float(np.percentile(np.abs(grey - np.median(grey)), 99.5)),
        "across_share": energy_across / max(energy_across + energy_along, 1e-6),
    }


def compare(class_name: str, simulated: Sequence[U8], real: Sequence[U8]) -> list[Verdict]:
    """Hold every measure of a class to the limits.

    Raises:
        ConfigError: too few tiles on either side.
    """
    if min(len(simulated), len(real)) < MIN_TILES:
        raise ConfigError(
            f"{class_name}: {len(simulated)} simulated and {len(real)} real tiles;"
            f" a comparison needs {MIN_TILES} of each"
        )
    ours, theirs = _table(simulated), _table(real)
    verdicts = []
    for column, name in enumerate(MEASURES):
        low, high = np.quantile(theirs[:, column], MEDIAN_BETWEEN)
        floor, ceiling = np.quantile(theirs[:, column], BULK_BETWEEN)
        inside = (ours[:, column] >= floor) & (ours[:, column] <= ceiling)
        median = float(np.median(ours[:, column]))
        verdicts.append(
            Verdict(class_name, name, median, float(low), float(high), float(inside.mean()))
        )
    return verdicts


def read_tiles(folder: Path) -> list[U8]:
    """All pictures of a folder in name order, grey, scaled to `SIDE_PX`.

    Raises:
        ConfigError: the folder is absent, or a file in it is no picture.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder; give an image folder with one per class")
    return [_read(path) for path in sorted(folder.iterdir()) if path.is_file()]


def write_sheet(
    out: Path, rows: Mapping[str, tuple[Sequence[U8], Sequence[U8]]], columns: int = 10
) -> None:
    """Write a picture to look at: per class a row of real tiles above a row of simulated ones.

    Args:
        out: the PNG to write.
        rows: class name -> (real tiles, simulated tiles), each spread evenly over the columns.
        columns: tiles per row.

    Raises:
        ConfigError: the picture cannot be written.
    """
    strips = []
    for name, (real, simulated) in rows.items():
        strips += [
            _caption(f"{name}: real", columns),
            _row(real, columns),
            _caption(f"{name}: simulated", columns),
            _row(simulated, columns),
        ]
    if not strips or not cv2.imwrite(str(out), np.vstack(strips)):
        raise ConfigError(f"{out}: the sheet cannot be written; check the folder and its rights")


def _table(tiles: Sequence[U8]) -> npt.NDArray[np.float64]:
    return np.array([list(measure(tile).values()) for tile in tiles])


def _read(path: Path) -> U8:
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise ConfigError(f"{path}: cannot be read as a picture; remove or replace it")
    if picture.shape != (SIDE_PX, SIDE_PX):
        picture = cv2.resize(picture, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(picture, np.uint8)


def _caption(text: str, columns: int) -> U8:
    strip = np.full((18, columns * (SIDE_PX + 4)), 255, np.uint8)
    cv2.putText(strip, text, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 0, 1, cv2.LINE_AA)
    return strip


def _row(tiles: Sequence[U8], columns: int) -> U8:
    picked = [
        tiles[i] for i in np.linspace(0, len(tiles) - 1, min(columns, len(tiles))).astype(int)
    ]
    cells = [np.pad(tile, 2, constant_values=255) for tile in picked]
    cells += [np.full((SIDE_PX + 4, SIDE_PX + 4), 255, np.uint8)] * (columns - len(cells))
    return np.hstack(cells)
