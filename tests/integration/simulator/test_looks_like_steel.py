"""Simulated tiles against real ones, by limits that were written before the first comparison."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from contract.classes import ClassList
from contract.tiles import Span, TileGrid
from edge.simulator.defects import CLASSES, CLEAN, DEFECTS
from edge.simulator.realism import compare, read_tiles, write_sheet
from edge.simulator.score import Judge, read_boxes, score_clean
from edge.simulator.tiles import TileConfig, TileStrip
from edge.types import F32, U8

pytestmark = [pytest.mark.integration, pytest.mark.data]

# X-SDD's cameras bring the bare strip to a grey between 128 and 131 in nearly every picture.
LIKE_X_SDD = TileConfig(grey=(128.0, 130.4), contrast=(0.6, 1.4))
STRIPS, TILES_EACH = 120, 2


def _simulated(name: str) -> list[U8]:
    return [
        tile.pixels
        for strip in range(STRIPS)
        for tile in islice(
            TileStrip(np.random.SeedSequence([2026, strip, DEFECTS.index(name)]), LIKE_X_SDD).tiles(
                name
            ),
            TILES_EACH,
        )
    ]


@pytest.mark.parametrize("name", DEFECTS)
def test_a_class_lies_within_the_limits_of_the_real_one(name: str, real_data: Path) -> None:
    verdicts = compare(name, _simulated(name), read_tiles(real_data / "x_sdd" / name))
    assert [verdict for verdict in verdicts if not verdict.passed] == []


def test_the_limits_tell_the_classes_apart(real_data: Path) -> None:
    # A limit that anything passes would say nothing: scratches are no red iron.
    verdicts = compare(
        "mixed up", _simulated("surface_scratch"), read_tiles(real_data / "x_sdd" / "red_iron")
    )
    assert sum(not verdict.passed for verdict in verdicts) >= 2


def test_a_sheet_to_look_at_can_be_written(real_data: Path, tmp_path: Path) -> None:
    real = read_tiles(real_data / "x_sdd" / "slag_inclusion")
    write_sheet(tmp_path / "sheet.png", {"slag_inclusion": (real, real)}, columns=6)
    assert cv2.imread(str(tmp_path / "sheet.png")) is not None


def test_unboxed_real_strip_can_be_scored(real_data: Path) -> None:
    folder = real_data / "gc10_frames"
    boxes = read_boxes(folder / "boxes.csv")
    names = ClassList(names=CLASSES, clean=(CLEAN,))

    def all_clean(tiles: U8) -> F32:
        return np.tile((np.array(CLASSES) == CLEAN).astype(np.float32), (len(tiles), 1))

    def frames() -> Iterator[tuple[str, U8, Span]]:
        for path in sorted((folder / "images").iterdir()):
            pixels = np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)
            yield f"images/{path.name}", pixels, Span(0, pixels.shape[1])

    score = score_clean(Judge(all_clean, names, dict.fromkeys(DEFECTS, 0.5)), frames(), boxes, 128)
    everything = 10 * len(TileGrid(Span(0, 1000), Span(0, 2048), 128, 128).boxes())
    assert 0.5 * everything < score.tiles[CLEAN] < everything
    assert score.false_alarms_per_1000 == 0
    assert len(score.alarms_per_coil) == 10
