"""The trade: how much the network is spared, against what the screen may miss.

    FOLDER/screen.csv   every wanted bound, class and width
    FOLDER/screen.md    the same as two tables for docs/benchmarks.md
    FOLDER/screen.png   spared tiles and misses over the threshold

Bounds are those of a threshold that is chosen for that bound, on the calibration coils. The table
by width counts every defect of all coils, several of one coil too, so it has no bounds.
"""

import csv
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from contract.errors import ConfigError
from export.screen.calibrate import (
    Parts,
    Wish,
    by_class,
    clean_screened,
    rates,
    threshold_of,
)
from export.screen.watch import Met
from training.markdown import markdown_table

WANTED = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2)
WIDTHS_MM = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, np.inf)
HEAD = ("wanted", "threshold", "clean_screened", "tiles_per_s", "class", "from_mm", "to_mm", "part",
        "defects", "missed", "bound")  # fmt: skip


class Speed(NamedTuple):
    """The network's rate in tiles a second, and the screen's cost in seconds a tile."""

    network_tiles_per_s: float
    screen_s: float

    def strip(self, screened: float) -> float:
        """Tiles of strip a second, where so large a share of them is screened."""
        return 1 / (self.screen_s + (1 - screened) / self.network_tiles_per_s)


class Point(NamedTuple):
    """A threshold, what it was chosen for, and the share of clean tiles that it screens."""

    wanted: float
    threshold: float
    screened: float


def write_report(
    folder: Path, parts: Parts, classes: Sequence[str], wish: Wish, speed: Speed
) -> None:
    """Write the three files.

    Raises:
        ConfigError: too few coils for even the highest of the bounds, or no room to write.
    """
    points = [*_points(parts, classes, wish)]
    if not points:
        threshold_of(parts, classes, _wish(wish, WANTED[-1]))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_csv(folder / "screen.csv", points, parts, classes, wish, speed)
        text = (
            f"{_trade(points, parts, classes, wish, speed)}\n\n{_widths(points, parts, classes)}\n"
        )
        (folder / "screen.md").write_text(text, "utf-8")
        _plot(folder / "screen.png", points, parts, classes)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written ({error}); choose another") from error


def _wish(wish: Wish, wanted: float) -> Wish:
    return Wish(wanted, wish.confidence, wish.held_out, wish.seed)


def _points(parts: Parts, classes: Sequence[str], wish: Wish) -> list[Point]:
    """One for each bound that the data are enough for."""
    points = []
    for wanted in WANTED:
        try:
            threshold = threshold_of(parts, classes, _wish(wish, wanted))
        except ConfigError:
            continue
        points.append(Point(wanted, threshold, clean_screened(parts.held_out, threshold).value))
    return points


def _trade(
    points: Sequence[Point], parts: Parts, classes: Sequence[str], wish: Wish, speed: Speed
) -> str:
    head = ["miss rate, at most", "threshold", "clean tiles screened", "tiles/s",
            *(f"{name.replace('_', ' ')}: missed" for name in classes)]  # fmt: skip
    plain = ["no screen", "-", "0 %", f"{speed.network_tiles_per_s:.0f}", *["-"] * len(classes)]
    rows = [plain]
    for point in points:
        found = rates(parts.calibration, classes, point.threshold, wish)
        cells = [f"{r.missed}/{r.defects} ({r.bound:.1%})" for r in found.values()]
        share, rate = f"{point.screened:.1%}", f"{speed.strip(point.screened):.0f}"
        rows.append([f"{point.wanted:.1%}", f"{point.threshold:.2f}", share, rate, *cells])
    return markdown_table(head, rows)


def _widths(points: Sequence[Point], parts: Parts, classes: Sequence[str]) -> str:
    bins = [*pairwise(WIDTHS_MM)]
    head = ["miss rate, at most", "class", *(f"{low:g} to {high:g} mm" for low, high in bins)]
    rows = []
    for point in points:
        for name in classes:
            counts = [_missed(parts, name, *edges, point.threshold) for edges in bins]
            cells = [f"{missed}/{n}" if n else "-" for missed, n in counts]
            rows.append([f"{point.wanted:.1%}", name.replace("_", " "), *cells])
    return markdown_table(head, rows)


def _within(met: Met, low: float, high: float) -> bool:
    return met.width_mm is not None and low <= met.width_mm < high


def _missed(parts: Parts, name: str, low: float, high: float, threshold: float) -> tuple[int, int]:
    """Misses and defects of a class and width, on all coils."""
    everyone = parts.calibration.met + parts.held_out.met
    found = by_class([met for met in everyone if _within(met, low, high)], [name])[name]
    return int((found < threshold).sum()), len(found)


def _write_csv(
    path: Path, points: Sequence[Point], parts: Parts, classes: Sequence[str], wish: Wish,
    speed: Speed,
) -> None:  # fmt: skip
    with path.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(HEAD)
        for point in points:
            rate = f"{speed.strip(point.screened):.0f}"
            first = [point.wanted, f"{point.threshold:.4f}", f"{point.screened:.4f}", rate]
            for part, watched in (("calibration", parts.calibration), ("held out", parts.held_out)):
                for name, rate_of_class in rates(watched, classes, point.threshold, wish).items():
                    missed, defects, bound = (
                        rate_of_class.missed,
                        rate_of_class.defects,
                        rate_of_class.bound,
                    )
                    rows.writerow([*first, name, "", "", part, defects, missed, f"{bound:.4f}"])
            for name in classes:
                for low, high in pairwise(WIDTHS_MM):
                    missed, defects = _missed(parts, name, low, high, point.threshold)
                    if defects:
                        rows.writerow([*first, name, low, high, "all", defects, missed, ""])


def _plot(path: Path, points: Sequence[Point], parts: Parts, classes: Sequence[str]) -> None:
    """Clean tiles passed on against defects missed, a line a class; dotted: chosen points."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    clean = np.sort(parts.held_out.clean_tiles())
    found = by_class(parts.calibration.met + parts.held_out.met, classes)
    for name, suspicion in found.items():
        at = np.sort(suspicion)
        passed = 100 * (1 - np.searchsorted(clean, at) / len(clean))
        missed = 100 * np.arange(len(at)) / len(at)
        axes.step(missed, passed, where="post", label=name.replace("_", " "))
    for point in points:
        axes.axhline(100 * (1 - point.screened), color="grey", linewidth=0.7, linestyle=":")
        axes.text(
            25,
            100 * (1 - point.screened),
            f" chosen for {point.wanted:.1%}",
            fontsize=7,
            va="bottom",
            ha="right",
        )
    axes.set(
        xlabel="defects missed, % of those met (all coils)",
        ylabel="clean tiles that reach the network, % (held-out coils)",
        yscale="log", xlim=(0, 25), ylim=(0.05, 100),
    )  # fmt: skip
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=110)
