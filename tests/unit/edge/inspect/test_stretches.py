"""Strip not inspected is told once a second while it goes on, and whole, also after a crash."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from contract.bodies import CoilReport, EventBody, NotInspected
from contract.events import Draft
from contract.tiles import Span
from edge.acquire.coils import ConstantCoils
from edge.config import Coils
from edge.inspect.account import Fate
from edge.inspect.lens import Lens
from edge.inspect.loop import Inspector
from edge.inspect.recover import end_coil
from edge.inspect.stretches import TOLD_EVERY_NS, Stretches
from edge.inspect.told import Told
from edge.ledger.log import EventLog
from edge.ledger.reader import EventReader
from edge.metrics import InspectMetrics
from edge.types import U8, Commit, Loss
from tests.unit.edge.inspect.test_across import MM, strip
from tests.unit.edge.inspect.test_loop import CLEAN, COLUMNS, FRAME_M, ROWS, Line
from tests.unit.runtime.small_bundle import SIDE

FRAMES_PER_S = 28
CELLS = ROWS * COLUMNS
DARK = np.zeros_like(CLEAN)


class Long(Line):
    """A coil without end, seen 28 times a second; what is told of it."""

    def __init__(self, folder: Path, edges: Literal["fixed", "detect"] = "fixed") -> None:
        super().__init__(folder, edges=edges)
        self.told: list[NotInspected] = []
        self.coil_of(COLUMNS)

    def coil_of(self, tiles: int) -> None:
        """Begin with a coil of that width."""
        coils = ConstantCoils(Coils(length_m=None, width_mm=tiles * MM))
        self.registry = CollectorRegistry()
        metrics = InspectMetrics(self.registry)
        self.inspector = Inspector(self.config, self.slot, coils, metrics, self.clock)

    def frame(self, number: int, pixels: U8 = CLEAN, losses: tuple[Loss, ...] = ()) -> Commit:
        self.clock.ns = number * 1_000_000_000 // FRAMES_PER_S
        commit = super().frame(number, pixels, losses)
        self.told += missed_in(commit.drafts)
        return commit


def missed_in(drafts: Iterable[Draft]) -> list[NotInspected]:
    return [draft.body for draft in drafts if isinstance(draft.body, NotInspected)]


def cells_by_label(bodies: Iterable[EventBody]) -> Counter[str]:
    told: Counter[str] = Counter()
    for body in bodies:
        if isinstance(body, NotInspected):
            told[Fate(body.outcome, body.reason).label] += body.cells
    return told


def test_a_dark_lamp_is_told_at_once_and_then_once_a_second(tmp_path: Path) -> None:
    line, seconds = Long(tmp_path), 10
    for number in range(seconds * FRAMES_PER_S):
        line.frame(number, DARK)
        assert bool(line.told)
    assert len(line.told) == seconds
    line.frame(seconds * FRAMES_PER_S)
    assert len(line.told) == seconds + 1
    borders = [(body.extent.from_m, body.extent.to_m) for body in line.told]
    assert [to for _, to in borders[:-1]] == pytest.approx([from_ for from_, _ in borders[1:]])
    assert (borders[0][0], borders[-1][1]) == pytest.approx((0, seconds * FRAMES_PER_S * FRAME_M))
    assert cells_by_label(line.told) == {"unusable(dark)": seconds * FRAMES_PER_S * CELLS}
    metres = line.registry.get_sample_value("stripsight_uninspected_metres_total")
    assert metres == pytest.approx(seconds * FRAMES_PER_S * FRAME_M)


def test_what_hides_the_lens_may_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = Long(tmp_path)
    for number in range(2 * FRAMES_PER_S):
        left = (3 + number % 5) * SIDE
        monkeypatch.setattr(Lens, "hidden", (Span(left, left + 5 * SIDE),))
        line.frame(number)
    assert [body.reason for body in line.told] == ["obscured"] * 2
    assert (line.told[1].extent.from_mm, line.told[1].extent.to_mm) == (3 * MM, 12 * MM)
    assert line.told[1].cells == FRAMES_PER_S * 5 * ROWS


def test_frames_lost_one_after_another_are_one_event(tmp_path: Path) -> None:
    line = Long(tmp_path)
    line.frame(0)
    losses = tuple(Loss(n * FRAME_M, (n + 1) * FRAME_M, "unreadable") for n in range(1, 20))
    line.frame(20, losses=losses)
    (lost,) = line.told
    assert (lost.extent.from_m, lost.extent.to_m) == pytest.approx((FRAME_M, 20 * FRAME_M))
    assert lost.cells == 19 * CELLS


def test_rows_that_hold_no_cells_middle_leave_no_hole() -> None:
    """The line stops in the dark: a short block is flushed, and its strip is nobody's cell."""
    stretches, dark, across = Stretches(0.0005), Fate("unusable", "dark"), (0.0, 100.0)
    borders = []
    for first_m, end_m, cells, at_ns in (
        (0.0, 1.0, 5, 0), (1.0, 1.006, 0, 1), (1.006, 2.0, 5, 2), (2.0, 3.0, 5, TOLD_EVERY_NS),
    ):  # fmt: skip
        stretches.add(dark, (first_m, end_m), across, cells)
        told = stretches.due(end_m, at_ns)
        borders += [(body.extent.from_m, body.extent.to_m, body.cells) for body in told]
    assert borders == [(0, 1, 5), (1, 3, 10)]


def test_another_reason_ends_a_stretch(tmp_path: Path) -> None:
    line = Long(tmp_path)
    for number in range(6):
        line.frame(number, DARK if number < 3 else np.full_like(CLEAN, 255))
    assert [(b.reason, b.cells // CELLS) for b in line.told] == [
        ("dark", 1), ("dark", 2), ("saturated", 1),
    ]  # fmt: skip
    assert [body.reason for body in line.inspector.watermark.untold] == ["saturated"]


def test_places_whose_metres_nobody_counted_are_not_joined(tmp_path: Path) -> None:
    line = Long(tmp_path)
    losses = (Loss(0, FRAME_M, "camera_away"), *[Loss(FRAME_M, FRAME_M, "camera_away")] * 2)
    line.frame(1, losses=losses)
    spans = [body.extent.to_m - body.extent.from_m for body in line.told]
    assert spans == pytest.approx([FRAME_M, 0]), "the same place twice is one event"


def test_strip_that_is_another_cameras_is_told_at_its_beginning_and_end(tmp_path: Path) -> None:
    line = Long(tmp_path)
    line.coil_of(COLUMNS + 4)
    for number in range(3 * FRAMES_PER_S):
        line.frame(number)
    assert [(body.reason, body.cells) for body in line.told] == [("no_view", 4 * ROWS)]
    last = line.inspector.finish()
    assert last is not None
    (rest,) = missed_in(last.drafts)
    assert rest.cells == (3 * FRAMES_PER_S - 1) * 4 * ROWS


def test_frames_that_are_lost_do_not_tell_of_it_again(tmp_path: Path) -> None:
    line = Long(tmp_path)
    line.coil_of(COLUMNS + 4)
    for number in range(0, 40, 2):
        lost = Loss((number - 1) * FRAME_M, number * FRAME_M, "buffer_overflow")
        line.frame(number, losses=(lost,) if number else ())
    reasons = Counter(body.reason for body in line.told)
    assert reasons == {"no_view": 1, "buffer_overflow": 19}


@pytest.mark.parametrize("frames", [1, 2, 40])
@pytest.mark.parametrize("what", ["dark", "no_view"])
def test_a_crash_inside_a_stretch_leaves_no_hole(tmp_path: Path, what: str, frames: int) -> None:
    line = Long(tmp_path, edges="detect")
    ledger = EventLog(tmp_path / "ledger", "/s/l/c", line.clock, reserve_bytes=0)
    ledger.open()
    for number in range(frames):
        ledger.commit(line.frame(number, DARK if what == "dark" else strip((0, 13))))
    line.frame(frames)  # and is killed before this is on disk
    ledger.close(clean=False)
    for _ in range(2):
        recovered = ledger.open()
        if recovered.open_coil is not None and recovered.watermark is not None:
            now = line.clock.now()
            drafts = end_coil(recovered.open_coil, recovered.watermark, Told(), now.utc())
            ledger.commit(Commit(tuple(drafts), None, now))
        ledger.close(clean=False)
    bodies = [r.event.body() for r in EventReader(tmp_path / "ledger").after(0, 1000)]
    (report,) = (body for body in bodies if isinstance(body, CoilReport))
    assert {k: n for k, n in cells_by_label(bodies).items() if n} == report.reasons
    assert len(report.reasons) == 1
    missed = [body.extent for body in bodies if isinstance(body, NotInspected)]
    assert [at.from_m for at in missed[1:]] == pytest.approx([at.to_m for at in missed[:-1]])
    assert missed[-1].to_m == report.length_m == pytest.approx(frames * FRAME_M)
