"""The inspecting thread's work on frames made by hand, with the small network of the unit tests."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from contract.bodies import CoilReport, Defect, NotInspected
from contract.events import Draft
from edge import config
from edge.acquire.coils import ConstantCoils
from edge.clock import Stamp
from edge.errors import BundleError, EngineError
from edge.inspect.account import CoilAccount
from edge.inspect.loop import Inspector
from edge.lifecycle.model import load_model
from edge.lifecycle.slot import ModelSlot
from edge.metrics import InspectMetrics
from edge.types import U8, Commit, Frame, Loss, RowMap
from tests.line.strip import write_line_bundle
from tests.unit.runtime.small_bundle import SIDE

ROW_M = 0.0005
ROWS, COLUMNS = 8, 16
FRAME_M = ROWS * SIDE * ROW_M
CLEAN: U8 = np.tile(np.repeat(np.array([140, 120], np.uint8), SIDE // 2), (ROWS * SIDE, COLUMNS))


class SteppedClock:
    """Stands still unless told otherwise."""

    def __init__(self) -> None:
        self.ns = 0

    def now(self) -> Stamp:
        return Stamp(self.ns, self.ns)

    def sleep_until(self, monotonic_ns: int) -> None:
        self.ns = max(self.ns, monotonic_ns)


class Line:
    """An inspector over coils of three and a half frames."""

    def __init__(
        self, folder: Path, coil_frames: float = 3.5, edges: Literal["fixed", "detect"] = "fixed"
    ) -> None:
        write_line_bundle(folder / "bundle")
        self.config = config.Config(
            site="s",
            line="l",
            camera="c",
            bundle=folder / "bundle",
            source=config.FolderSource(kind="folder", path=folder),
            optics=config.Optics(mm_per_px_along=0.5, mm_per_px_across=0.5),
            position=config.LinesPosition(kind="lines"),
            coils=config.Coils(length_m=coil_frames * FRAME_M, width_mm=COLUMNS * SIDE * 0.5),
            strip=config.Strip(edges=edges),
            ledger=config.Ledger(path=folder),
            run_path=folder,
        )
        self.clock = SteppedClock()
        self.slot = ModelSlot(load_model(folder / "bundle", self.config))
        self.registry = CollectorRegistry()
        self.inspector = Inspector(
            self.config,
            self.slot,
            ConstantCoils(self.config.coils),
            InspectMetrics(self.registry),
            self.clock,
        )

    def frame(self, number: int, pixels: U8 = CLEAN, losses: tuple[Loss, ...] = ()) -> Commit:
        rows = RowMap(number * FRAME_M, ROW_M, ROWS * SIDE)
        return self.inspector.inspect(Frame(number, pixels, rows, None, self.clock.now(), losses))


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path)


def with_defect(row: int, column: int) -> U8:
    pixels = CLEAN.copy()
    pixels[row * SIDE : (row + 1) * SIDE, column * SIDE + SIDE // 2 : (column + 1) * SIDE] = 255
    return pixels


def kinds(commit: Commit) -> list[str]:
    return [draft.body.kind for draft in commit.drafts]


def missed_of(commit: Commit) -> dict[str | None, NotInspected]:
    return {d.coil: d.body for d in commit.drafts if isinstance(d.body, NotInspected)}


def report_of(drafts: tuple[Draft, ...]) -> CoilReport:
    (report,) = (d.body for d in drafts if isinstance(d.body, CoilReport))
    return report


def test_a_coil_change_inside_a_frame_belongs_to_both_coils(line: Line) -> None:
    assert kinds(line.frame(0)) == ["coil_started"]
    for number in (1, 2):
        assert kinds(line.frame(number)) == []
    commit = line.frame(3, with_defect(0, 3))
    assert kinds(commit) == ["defect", "defect", "coil_report", "coil_started"]
    report = report_of(commit.drafts)
    assert report.cells == {"on_time": report.expected_cells}
    assert {d.coil for d in commit.drafts if isinstance(d.body, Defect)} == {"coil-0001"}
    assert commit.watermark is not None
    assert commit.watermark.coil == "coil-0002"
    assert commit.watermark.coil_m == pytest.approx(FRAME_M / 2)


@pytest.mark.parametrize("edges", ["fixed", "detect"])
def test_a_dark_lamp_is_not_clean_steel(tmp_path: Path, edges: Literal["fixed", "detect"]) -> None:
    line = Line(tmp_path, edges=edges)
    commit = line.frame(0, np.zeros_like(CLEAN))
    (missed,) = missed_of(commit).values()
    assert (missed.outcome, missed.reason) == ("unusable", "dark")
    assert not line.inspector.valid
    for number in (1, 2, 3):
        commit = line.frame(number)
    report = report_of(commit.drafts)
    assert not report.inspection_valid
    assert report.cells["unusable"] == ROWS * COLUMNS


def test_half_a_lamp_is_no_narrow_strip(tmp_path: Path) -> None:
    line = Line(tmp_path, edges="detect")
    half = CLEAN.copy()
    half[:, half.shape[1] // 2 :] = 2
    commits, valid = [], []
    for number, pixels in enumerate((CLEAN, half, half)):
        commits.append(line.frame(number, pixels))
        valid.append(line.inspector.valid)
    assert valid == [True, False, False]
    (missed,) = missed_of(commits[1]).values()
    assert (missed.outcome, missed.cells) == ("off_strip_disagreement", ROWS * COLUMNS // 2)
    assert kinds(commits[2]) == []  # told once per coil, but neither seen nor counted as seen
    label = {"outcome": "off_strip_disagreement"}
    assert line.registry.get_sample_value("stripsight_cells_total", label) == ROWS * COLUMNS


def test_a_picture_without_strip_is_not_valid(line: Line) -> None:
    line.frame(0, CLEAN[:, :0])
    assert not line.inspector.valid


def test_a_late_result_is_still_a_result(line: Line) -> None:
    rows = RowMap(0.0, ROW_M, ROWS * SIDE)
    frame = Frame(0, with_defect(2, 2), rows, None, line.clock.now())
    line.clock.ns = 60_000_000
    commit = line.inspector.inspect(frame)
    (missed,) = missed_of(commit).values()
    assert missed.outcome == "late"
    assert any(isinstance(d.body, Defect) for d in commit.drafts)


def test_a_lost_stretch_over_two_coils_is_told_to_each(line: Line) -> None:
    line.frame(0)
    losses = (Loss(FRAME_M, 5 * FRAME_M, "camera"),)
    commit = line.frame(5, losses=losses)
    missed = missed_of(commit)
    assert list(missed) == ["coil-0001", "coil-0002"]
    metres = sum(body.extent.to_m - body.extent.from_m for body in missed.values())
    assert metres == pytest.approx(4 * FRAME_M)
    report = report_of(commit.drafts)
    assert report.cells["lost"] + report.cells["on_time"] == report.expected_cells


def test_a_gap_that_nobody_explains_is_the_cameras(line: Line) -> None:
    line.frame(0)
    commit = line.frame(2)
    (missed,) = missed_of(commit).values()
    assert (missed.outcome, missed.reason) == ("lost", "camera")


def test_strip_whose_metres_nobody_counted_is_told_too(line: Line) -> None:
    line.frame(0)
    commit = line.frame(1, losses=(Loss(FRAME_M, FRAME_M, "camera_away"),))
    (missed,) = missed_of(commit).values()
    assert (missed.reason, missed.cells) == ("camera_away", 0)


def test_the_stop_reports_the_coil_it_leaves(line: Line) -> None:
    line.frame(0, with_defect(ROWS - 1, 0))
    commit = line.inspector.finish()
    assert commit is not None
    report = report_of(commit.drafts)
    assert report.interrupted
    assert report.cells == {"on_time": ROWS * COLUMNS}
    phases = [d.body.phase for d in commit.drafts if isinstance(d.body, Defect)]
    assert phases == ["interrupted"]
    assert line.inspector.finish() is None


def test_validity_changes_only_when_a_frame_is_done_with(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scrape during the network's call must not find a bad frame valid: no alert would fire."""
    line.frame(0)
    found: list[bool] = []
    begin = line.inspector._clock

    class Asking:
        def now(self) -> Stamp:
            found.append(line.inspector.valid)
            return begin.now()

        def sleep_until(self, monotonic_ns: int) -> None:
            begin.sleep_until(monotonic_ns)

    monkeypatch.setattr(line.inspector, "_clock", Asking())
    lost = (Loss(FRAME_M, 2 * FRAME_M, "camera"),)
    line.frame(2, losses=lost)
    line.frame(3)
    line.frame(4)
    assert found == [True, False, False, True], "the coil changes in frame 3, which asks twice"


def test_an_account_that_contradicts_itself_is_said_and_not_valid(
    line: Line, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.frame(0)
    monkeypatch.setattr(CoilAccount, "_breach", lambda *_: "1 cell too many")
    commit = line.inspector.finish()
    assert commit is not None
    assert not report_of(commit.drafts).inspection_valid
    assert not line.inspector.valid
    assert line.registry.get_sample_value("stripsight_account_breaches_total") == 1
    assert "coil-0001 contradicts itself: 1 cell too many" in caplog.text


def test_a_new_defect_keeps_its_picture(line: Line) -> None:
    commit = line.frame(0, with_defect(2, 2))
    (picture,) = commit.pictures
    (opened,) = (d.body for d in commit.drafts if isinstance(d.body, Defect))
    assert isinstance(opened, Defect)
    assert opened.evidence == picture.name
    assert picture.jpeg.startswith(b"\xff\xd8")


def test_many_defects_in_a_frame_keep_a_bounded_number_of_pictures(line: Line) -> None:
    pixels = CLEAN.copy()
    for row in range(0, ROWS, 2):
        for column in range(0, COLUMNS, 2):
            top, left = row * SIDE, column * SIDE + SIDE // 2
            pixels[top : top + SIDE, left : left + SIDE // 2] = 255
    commit = line.frame(0, pixels)
    assert len(commit.pictures) == line.config.inspect.evidence_per_frame
    opened = [d.body for d in commit.drafts if isinstance(d.body, Defect) and d.body.revision == 1]
    assert len(opened) == ROWS * COLUMNS // 4


def test_a_backend_that_fails_at_work_is_no_broken_bundle(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A unit is not started again after a broken bundle."""

    def fails(_: object) -> None:
        raise BundleError("out of memory")

    line.frame(0)
    monkeypatch.setattr(line.slot.active.engine, "classify", fails)
    with pytest.raises(EngineError, match="openvino failed while it inspected: out of memory"):
        line.frame(1)
    assert EngineError.exit_code != BundleError.exit_code
