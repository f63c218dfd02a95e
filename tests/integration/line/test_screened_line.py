"""The daemon with the demo bundle's screen over simulated strip it never saw."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from contract.bundle import open_bundle
from contract.tiles import Span, TileGrid
from edge.simulator.dataset import write_frames
from edge.simulator.defects import DEFECTS
from edge.simulator.mill import MillConfig
from edge.types import TileRecord
from export.screen.marked import Piece, open_marked
from export.screen.watch import shown_by
from runtime.screen import Bools, Texture, blocks_of, half_tiles
from runtime.strip import detect_strip
from tests.conftest import ROOT
from tests.line.daemon import Daemon, write_config

pytestmark = pytest.mark.integration
BUNDLE = ROOT / "deploy" / "bundles" / "demo"
FRAMES, COIL_FRAMES = 8, 4
STRIP_MM = 470.0
COIL_M = COIL_FRAMES * 1024 * 0.0005
MILL = MillConfig(
    seed=4711, width_px=1024, rows=1024, coil_m=COIL_M, strip_mm=(STRIP_MM, STRIP_MM),
    per_m=dict.fromkeys(DEFECTS, 0.5),
)  # fmt: skip


class Run(NamedTuple):
    """What the daemon left: its tile log, and its coils' reports."""

    tiles: list[TileRecord]
    reports: list[dict[str, Any]]


@pytest.fixture(scope="module")
def strip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("strip")
    write_frames(folder, MILL, FRAMES)
    return folder


@pytest.fixture(scope="module")
def run(strip: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    sections = {
        "bundle": str(BUNDLE),
        "source": {"kind": "folder", "path": str(strip / "frames"), "frames_per_s": 4},
        "coils": {"length_m": COIL_M, "width_mm": STRIP_MM},
        "inspect": {"screen": True, "tile_log": True, "deadline_s": 60.0, "frame_buffer": 100},
    }
    with Daemon(write_config(tmp_path_factory.mktemp("line"), sections), "inspect") as daemon:
        assert daemon.wait() == 0  # the folder's end
        reports = [r.event.data for r in reversed(daemon.reader().latest(["coil_report"], 9))]
        yield Run(list(daemon.reader().tiles()), reports)


def suspicious(pieces: Iterator[Piece]) -> list[Bools]:
    """What calibration would pass on: the same frames, with the marks in the network's place."""
    screen = open_bundle(BUNDLE).card.screen
    assert screen is not None
    found, coil, texture = [], "", Texture()
    for piece in pieces:
        if piece.coil != coil:
            coil, texture = piece.coil, Texture()
        grid = TileGrid(Span(0, 1024), detect_strip(piece.pixels).inside(6), 128, 128)
        blocks = blocks_of(half_tiles(piece.pixels, grid), grid.shape)
        found.append(texture.suspicion(blocks) >= screen.threshold)
        marks = [shown_by(grid.boxes(), mark) > 0 for mark in piece.marks]
        texture.learn(
            blocks, np.any(marks, axis=0) if marks else np.zeros(len(found[-1]), np.bool_)
        )
    return found


def test_every_cell_is_on_time_or_screened_and_most_tiles_need_no_network(run: Run) -> None:
    assert len(run.reports) == 2
    for report in run.reports:
        assert report["cells"].keys() == {"on_time", "screened"}
        assert sum(report["cells"].values()) == report["expected_cells"]
        assert report["coverage"] == 1
        assert report["cells"]["screened"] > 0.4 * report["expected_cells"]


def test_a_coil_s_first_frame_is_classified_wholly(run: Run) -> None:
    for first in (0, COIL_FRAMES):
        labels = {tile.label for tile in run.tiles if tile.frame == first}
        assert labels
        assert "screened" not in labels


def test_the_line_screens_what_calibration_would(run: Run, strip: Path) -> None:
    """But for tiles where the network and the marks disagree on what teaches nothing."""
    expected = suspicious(open_marked(strip).pieces())
    told = [[t.label != "screened" for t in run.tiles if t.frame == n] for n in range(FRAMES)]
    assert [len(frame) for frame in told] == [len(frame) for frame in expected]
    same = np.concatenate(told) == np.concatenate(expected)
    assert same.mean() > 0.98


def test_most_defects_reach_the_network(run: Run, strip: Path) -> None:
    """More than a tenth of them missed would be out of reach of a bound of 3 %."""
    missed = met = 0
    for number, piece in enumerate(open_marked(strip).pieces()):
        grid = TileGrid(Span(0, 1024), detect_strip(piece.pixels).inside(6), 128, 128)
        labels = [tile.label for tile in run.tiles if tile.frame == number]
        for mark in piece.marks:
            shown = shown_by(grid.boxes(), mark)
            met += bool(shown.any())
            missed += bool(shown.any()) and labels[int(shown.argmax())] == "screened"
    assert met > 10
    assert missed <= met / 10
