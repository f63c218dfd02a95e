"""The inspecting thread with a screen: what the network is shown, and what becomes of the rest."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from contract.bodies import CoilReport, Defect
from contract.card import ScreenCard
from contract.tiles import Span
from edge.acquire.coils import ConstantCoils
from edge.config import Coils, Config, Inspect, Optics, Strip
from edge.errors import BundleError
from edge.inspect.coil import CoilInspection
from edge.inspect.lens import Lens
from edge.inspect.loop import Inspector
from edge.lifecycle.model import Model, load_model
from edge.metrics import InspectMetrics
from edge.types import U8, Coil, Commit, Frame, RowMap
from tests.line.screened import small_screen, write_screened_bundle
from tests.unit.edge.inspect.test_loop import (
    CLEAN,
    COLUMNS,
    FRAME_M,
    ROW_M,
    ROWS,
    Line,
    kinds,
    missed_of,
    report_of,
    with_defect,
)
from tests.unit.runtime.small_bundle import SIDE

TILES = ROWS * COLUMNS


class Screened(Line):
    """The line with its screen on, and a count of the tiles that the network was shown."""

    def __init__(self, folder: Path, **rules: object) -> None:
        super().__init__(folder)
        self.slot.active = replace(self.slot.active, screen=small_screen())
        rules = self.config.inspect.model_dump() | rules
        object.__setattr__(self.config, "inspect", Inspect.model_validate(rules))

    def count(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"stripsight_{name}_total", labels) or 0

    def shown(self, number: int, pixels: U8 = CLEAN) -> tuple[int, Commit]:
        """How many tiles of a frame the network is shown."""
        before, screened = self.count("tiles"), self.count("tiles_screened")
        commit = self.frame(number, pixels)
        shown = self.count("tiles") - before
        assert shown + self.count("tiles_screened") - screened >= TILES
        return int(shown), commit


@pytest.fixture
def line(tmp_path: Path) -> Screened:
    return Screened(tmp_path)


def test_what_is_hidden_is_not_inspected_though_the_network_was_shown_it(
    line: Screened, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.shown(0)
    tile_mm = SIDE * 0.5
    monkeypatch.setattr(Lens, "hidden", (Span(4 * SIDE, 7 * SIDE),))
    shown, commit = line.shown(1, with_defect(3, 5))
    (missed,) = missed_of(commit).values()
    assert (shown, missed.outcome, missed.reason) == (1, "unusable", "obscured")
    assert (missed.extent.from_mm, missed.extent.to_mm) == (4 * tile_mm, 7 * tile_mm)
    assert missed.cells == 3 * ROWS
    assert line.count("cells", outcome="on_time") == TILES
    assert line.count("cells", outcome="screened") == TILES - 3 * ROWS
    assert line.shown(2, with_defect(3, 10))[0] == 1
    assert line.count("cells", outcome="on_time") == TILES + 1


def test_the_margin_beside_an_edge_goes_with_the_tile_next_to_it(line: Screened) -> None:
    """Strip of 14 tiles, of which the outermost two are in no tile."""
    config = line.config.model_copy(update={"strip": Strip(margin_px=SIDE)})
    coils = ConstantCoils(Coils(width_mm=14 * SIDE * 0.5))
    line.registry = CollectorRegistry()
    metrics = InspectMetrics(line.registry)
    line.inspector = Inspector(config, line.slot, coils, metrics, line.clock)
    first, second = CLEAN.copy(), with_defect(3, 2)
    first[:, :SIDE] = first[:, -SIDE:] = second[:, :SIDE] = second[:, -SIDE:] = 8
    line.frame(0, first)
    before = line.count("tiles")
    line.frame(1, second)
    shown = line.count("tiles") - before
    assert line.inspector.watermark.tally["on_time"] == 14 * ROWS + shown + 1


def test_the_network_is_shown_the_first_frame_and_then_what_differs(line: Screened) -> None:
    assert line.shown(0)[0] == TILES
    assert line.shown(1)[0] == 0
    shown, commit = line.shown(2, with_defect(3, 5))
    assert shown == 1
    (defect,) = (d.body for d in commit.drafts if isinstance(d.body, Defect))
    assert (defect.class_name, defect.tiles) == ("right", 1)
    assert defect.extent.from_m == pytest.approx(2 * FRAME_M + 3 * SIDE * ROW_M)
    assert defect.evidence is not None
    assert line.count("cells", outcome="on_time") == TILES + 1
    assert line.count("cells", outcome="screened") == 2 * TILES - 1


def test_a_coils_report_counts_screened_cells_as_inspected(line: Screened) -> None:
    for number in range(3):
        line.frame(number)
    report = report_of(line.frame(3).drafts)
    screened = report.expected_cells - TILES
    assert report.cells == {"on_time": TILES, "screened": screened}
    assert report.coverage == 1
    assert report.inspection_valid
    assert line.inspector.valid


def test_each_coil_is_learned_anew(line: Screened) -> None:
    for number in range(4):  # a coil ends in the middle of the fourth
        line.frame(number)
    assert line.shown(4)[0] == TILES  # half a frame of the new one is not enough
    assert line.shown(5)[0] == 0


def test_a_late_result_is_late_for_the_screened_too(line: Screened) -> None:
    line.frame(0)
    rows = RowMap(FRAME_M, ROW_M, ROWS * SIDE)
    frame = Frame(1, with_defect(2, 2), rows, None, line.clock.now())
    line.clock.ns = 60_000_000
    (missed,) = missed_of(line.inspector.inspect(frame)).values()
    assert (missed.outcome, missed.cells) == ("late", TILES)


def test_a_screened_tile_that_a_late_frame_shows_again_is_late(line: Screened) -> None:
    """The better outcome holds: the network saw it, if late."""
    line.frame(0)
    line.frame(1)
    frame = Frame(2, CLEAN, RowMap(FRAME_M, ROW_M, ROWS * SIDE), None, line.clock.now())
    line.clock.ns = 60_000_000
    line.inspector.inspect(frame)
    assert line.inspector.watermark.tally == {"on_time": TILES, "late": TILES}


def test_a_defect_all_along_the_coil_stays_a_defect(line: Screened) -> None:
    column = CLEAN.copy()
    column[:, 5 * SIDE + SIDE // 2 : 6 * SIDE] = 255
    shown = [line.shown(number, column)[0] for number in range(3)]
    assert shown[0] == TILES
    assert min(shown[1:]) >= ROWS
    assert kinds(line.frame(3))[:2] != []
    assert line.slot.active.screen is not None


def test_the_tile_log_names_the_screened(tmp_path: Path) -> None:
    line = Screened(tmp_path, tile_log=True)
    line.frame(0)
    tiles = line.frame(1, with_defect(0, 0)).tiles
    assert len(tiles) == TILES
    assert (tiles[0].label, tiles[0].probability > 0.9) == ("right", True)
    assert {(t.label, t.probability) for t in tiles[1:]} == {("screened", 0.0)}


def test_another_models_screen_learns_the_coil_anew(line: Screened) -> None:
    coil = CoilInspection(Coil("c", 0.0, None, 128.0), line.slot.active.size, ROW_M, Inspect())
    first = coil.screen_of(line.slot.active)
    assert first is not None
    assert coil.screen_of(line.slot.active) is first
    other = replace(line.slot.active, screen=small_screen(4.0))
    assert coil.screen_of(other) is not first
    assert coil.screen_of(replace(other, screen=None)) is None


def load(folder: Path, screen: ScreenCard | None, *, wanted: bool, mm_per_px: float = 0.5) -> Model:
    line = Line(folder)
    path = folder / "bundle"
    if screen is not None:
        path = write_screened_bundle(folder / "screened", screen).path
    changed = {
        "inspect": Inspect(screen=wanted),
        "optics": Optics(mm_per_px_along=mm_per_px, mm_per_px_across=mm_per_px),
    }
    config: Config = line.config.model_copy(update=changed)
    return load_model(path, config)


def test_the_screen_is_off_unless_asked_for(tmp_path: Path) -> None:
    assert not Inspect().screen
    assert load(tmp_path, small_screen(), wanted=False).screen is None


def test_a_screen_that_is_asked_for_is_the_bundles(tmp_path: Path) -> None:
    assert load(tmp_path, small_screen(), wanted=True).screen == small_screen()


@pytest.mark.parametrize(
    ("screen", "mm_per_px", "why"),
    [
        (None, 0.5, "small-1: has no calibrated screen; make one with stripsight-export screen"),
        (small_screen(features="other"), 0.5, "calibrated for features 'other', this program has"),
        (small_screen(), 0.46, "holds for tiles of 16 px, this camera's have 17 x 17"),
    ],
)
def test_a_screen_that_does_not_fit_is_refused(
    tmp_path: Path, screen: ScreenCard | None, mm_per_px: float, why: str
) -> None:
    with pytest.raises(BundleError, match=why):
        load(tmp_path, screen, wanted=True, mm_per_px=mm_per_px)


def test_a_frame_of_which_nothing_is_suspicious_asks_no_network(
    line: Screened, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.frame(0)

    def never(_: U8) -> None:
        raise AssertionError

    monkeypatch.setattr(line.slot.active.engine, "classify", never)
    line.frame(1)
    assert line.inspector.valid
    assert np.isclose(line.inspector.watermark.line_m, 2 * FRAME_M)
    assert not any(isinstance(d.body, CoilReport) for d in line.frame(2).drafts)
