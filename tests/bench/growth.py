"""How cost grows: with tiles per frame, frame size, defects, classes, and days of ledger."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from edge.config import Config
from edge.lifecycle.model import Model, load_model
from edge.types import U8
from tests.bench.camera import LINES
from tests.bench.figures import short
from tests.bench.inprocess import cost, line_of, other_tile, ready_model
from tests.bench.ledger_days import with_days
from tests.bench.material import Material
from tests.bench.result import CLASSES, DAYS, DENSITY, SIZE, TILES, Cost, Result
from tests.bench.step import Effort, Step

TILES_PX = (512, 256, 128, 64)
DETAIL_PX = 128
FRAME_PARTS = (0.25, 0.5, 1.0, 2.0, 4.0)
DENSITIES = (0.0, 0.01, 0.1, 0.5, 1.0)
CLASS_COUNTS = (2, 4, 8, 16, 32, 64)
SHARE_OF_CLASSES = 0.1
FRAME_S, START_S = 0.15, 3.0
DAY_S = 0.04

Case = tuple[float, Model, Sequence[U8]]
"""A row: what grows, the model, the frames."""


def steps(material: Material, effort: Effort) -> Iterator[Step]:
    """One for each way to grow."""
    count = effort.growth_frames
    cases: dict[str, tuple[int, Callable[[Material, Config], Iterator[Case]]]] = {
        TILES: (len(TILES_PX), _by_tiles),
        SIZE: (len(FRAME_PARTS), _by_size),
        DENSITY: (len(DENSITIES), _by_density),
        CLASSES: (len(CLASS_COUNTS), _by_classes),
    }
    for series, (rows, of) in cases.items():
        work = partial(_frames, material, series, of, count)
        yield _step(series, START_S + rows * count * FRAME_S, work)
    days = effort.ledger_days
    work = partial(with_days, material, DAYS, days, count)
    yield _step(DAYS, START_S + DAY_S * sum(days), work)


def _step(series: str, planned_s: float, work: Callable[[], list[Cost]]) -> Step:
    def measure(result: Result) -> str:
        first, *_, last = found = work()
        result.growth += found
        return f"from {short(first.value)} to {short(last.value)}: " + ", ".join(
            f"{name} {short(value)} to {short(last.figures[name])}"
            for name, value in first.figures.items()
        )

    return Step(f"growth: {series}", planned_s, measure)


def _frames(
    material: Material, series: str, of: Callable[[Material, Config], Iterator[Case]], count: int
) -> list[Cost]:
    with tempfile.TemporaryDirectory(dir=material.scratch()) as folder:
        config = line_of(material, Path(folder), material.bundles(LINES[0].shape).int8)
        return [
            Cost(
                series=series, value=value, figures=cost(Path(folder), config, model, frames, count)
            )
            for value, model, frames in of(material, config)
        ]


def _by_tiles(material: Material, config: Config) -> Iterator[Case]:
    frames, size, model = material.frames(), material.size, load_model(config.bundle, config)
    for tile_px in TILES_PX:
        if tiles := size.tiles(tile_px):
            yield tiles, other_tile(model, config, tile_px), frames


def _by_size(material: Material, config: Config) -> Iterator[Case]:
    model = load_model(config.bundle, config)
    for part in FRAME_PARTS:
        # Rows from the first on; beyond the last they come again.
        shape = (round(part * material.size.rows), material.size.columns)
        frames = [np.resize(frame, shape) for frame in material.frames()]
        yield frames[0].nbytes / 1e6, model, frames


def _by_density(material: Material, config: Config) -> Iterator[Case]:
    for share in DENSITIES:
        yield 100 * share, ready_model(config, DETAIL_PX, share), material.frames()


def _by_classes(material: Material, config: Config) -> Iterator[Case]:
    for classes in CLASS_COUNTS:
        model = ready_model(config, DETAIL_PX, SHARE_OF_CLASSES, classes)
        yield classes, model, material.frames()
