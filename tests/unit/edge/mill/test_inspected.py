"""The inspector over coils of the mill: every cell in one report, whatever the mill says when."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from contract.bodies import CoilCorrected, CoilReport, CoilStarted
from contract.events import Draft, number
from edge.clock import Stamp
from edge.inspect.loop import Inspector
from edge.metrics import InspectMetrics
from edge.mill.heard import Heard
from edge.mill.odometer import Odometer
from edge.mill.past import Past
from edge.mill.signals import (
    CoilSignal,
    CorrectionSignal,
    HeadSignal,
    PositionSignal,
    Signal,
    TailSignal,
)
from edge.mill.tracker import MillCoils
from edge.types import U8, Frame, Loss, RowMap, Start
from tests.unit.edge.inspect.test_loop import CLEAN, COLUMNS, FRAME_M, ROW_M, ROWS, Line
from tests.unit.edge.mill.passage import mill_config
from tests.unit.runtime.small_bundle import SIDE

FRAME_NS = 40_000_000
OFFSET_M = 0.1
SIGNALS: st.SearchStrategy[Signal] = st.one_of(
    st.builds(CoilSignal, id=st.sampled_from("AB")),
    st.builds(HeadSignal, id=st.none() | st.sampled_from("ABC")),
    st.builds(TailSignal),
    st.builds(
        CorrectionSignal,
        before=st.none() | st.sampled_from("AB"),
        id=st.sampled_from("ABC"),
        width_mm=st.sampled_from([None, 50.0, 200.0]),
    ),
)
FRAMES = st.sampled_from(["seen", "seen", "lost", "back", "idle"])
STEPS = st.lists(FRAMES | SIGNALS | st.integers(1, 39), max_size=40)


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    made = Line(tmp_path_factory.mktemp("line"))
    clean = np.eye(len(made.slot.active.bundle.card.classes), dtype=np.float32)
    first = made.slot.active.bundle.card.classes.clean_indices[0]

    def classify(tiles: U8) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        return np.tile(clean[first], (len(tiles), 1)), np.zeros((len(tiles), 1), np.float32)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made.slot.active.engine, "classify", classify)
        yield made


class Ride:
    """Frames end to end, lost ones and ones that overlap; the clock stands while no frame comes."""

    def __init__(self, line: Line, ledger: Path) -> None:
        config = mill_config(ledger, bounce_m=0.02, late_id_s=1).model_copy(
            update={"strip": line.config.strip, "optics": line.config.optics}
        )
        width = config.coils.model_copy(update={"width_mm": COLUMNS * SIDE * 0.5})
        config = config.model_copy(update={"coils": width})
        self.clock, self.registry = line.clock, CollectorRegistry()
        self.clock.ns = 1_000_000_000
        self.odometer = Odometer(-OFFSET_M, OFFSET_M)
        metrics = InspectMetrics(self.registry)
        self.coils = MillCoils(
            config, -OFFSET_M, Past(ledger, -9.0), self.odometer, lambda *_: None, metrics,
            self.clock,
        )  # fmt: skip
        self.inspector = Inspector(
            config, line.slot, self.coils, metrics, self.clock, Start(-OFFSET_M)
        )
        self.end_m, self.number = -OFFSET_M, 0
        self.losses: tuple[Loss, ...] = ()
        self.drafts: list[Draft] = []

    def step(self, what: object) -> None:
        match what:
            case int(milliseconds):
                self.clock.ns += milliseconds * 1_000_000
            case "idle":
                commit = self.inspector.idle()
                self.drafts += commit.drafts if commit else ()
            case "lost":
                first_m, self.end_m = self.end_m, self.end_m + FRAME_M
                self.losses += (Loss(first_m, self.end_m, "camera"),)
            case "seen" | "back":
                self.frame(self.end_m - (FRAME_M / 2 if what == "back" and self.number else 0))
            case _:
                assert isinstance(what, CoilSignal | HeadSignal | TailSignal | CorrectionSignal)
                heard = Heard(source="mill", stamp=self.clock.now(), signal=what)
                self.coils.hear(heard)

    def frame(self, first_m: float) -> None:
        self.clock.ns += FRAME_NS
        rows = RowMap(first_m, ROW_M, ROWS * SIDE)
        self.end_m = max(self.end_m, rows.end_m)
        self.odometer.tell(self.clock.ns, rows.end_m)
        stamp = Stamp(self.clock.ns, self.clock.ns)
        frame = Frame(self.number, CLEAN, rows, None, stamp, self.losses)
        self.drafts += self.inspector.inspect(frame).drafts
        self.number, self.losses = self.number + 1, ()

    def finish(self) -> None:
        last = self.inspector.finish()
        self.drafts += last.drafts if last else ()


A_TAIL_HALF_A_ROW_BEHIND_A_CENTRE = [
    HeadSignal(), "seen", 28, TailSignal(), 79, "seen",
]  # fmt: skip
"""The coil's last row of pixels ends at the centre of a row of cells, a little before its tail."""


@settings(max_examples=200)
@example(steps=A_TAIL_HALF_A_ROW_BEHIND_A_CENTRE)
@given(steps=STEPS)
def test_every_cell_is_in_one_report(line: Line, ledger: Path, steps: list[object]) -> None:
    ride = Ride(line, ledger)
    for step in [*steps, "seen", "idle"]:
        ride.step(step)
    ride.finish()
    events = [number(draft, "/s/l/c", seq) for seq, draft in enumerate(ride.drafts, 1)]
    assert len({event.id for event in events}) == len(events)
    started = {e.subject: e.seq for e in events if e.kind == CoilStarted.kind}
    reports = {e.subject: e.body() for e in events if e.kind == CoilReport.kind}
    assert started.keys() == reports.keys()
    for event in events:
        if event.kind == CoilCorrected.kind:
            assert event.seq > started[event.subject]
    lengths = []
    for report in reports.values():
        assert isinstance(report, CoilReport)
        assert sum(report.cells.values()) == report.expected_cells
        assert "lost(unseen)" not in report.reasons
        lengths.append(report.length_m)
    # A head lies within half a row of the row that it is put to.
    assert sum(lengths) == pytest.approx(ride.end_m + OFFSET_M, abs=1e-6)
    breaches = ride.registry.get_sample_value("stripsight_account_breaches_total")
    assert breaches == 0


def test_a_coil_without_a_row_yet_is_corrected_when_it_has_started(
    line: Line, ledger: Path
) -> None:
    ride = Ride(line, ledger)
    ride.step("seen")
    # The head comes to lie a fifth of a row before the end of the next frame: its rows follow.
    ride.coils.hear(head_at(ride, ride.end_m + FRAME_M - ROW_M / 5))
    ride.step("seen")
    ride.step(CorrectionSignal(id="A"))
    ride.step("idle")
    ride.step("seen")
    kinds = [draft.body.kind for draft in ride.drafts]
    assert kinds == ["coil_started", "coil_report", "coil_started", "coil_corrected"]
    assert ride.drafts[3].coil == ride.drafts[2].coil


def head_at(ride: Ride, line_m: float) -> Heard:
    """By the mill's own count, which is ours at the reference."""
    stamp = ride.clock.now()
    here = PositionSignal(position_m=ride.odometer.at(stamp.monotonic_ns))
    ride.coils.hear(Heard(source="mill", stamp=stamp, signal=here))
    return Heard(source="mill", stamp=stamp, signal=HeadSignal(position_m=line_m))
