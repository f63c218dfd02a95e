"""Any strip, any fates: each cell not inspected is in one event, whatever was joined and killed."""

from collections import Counter
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contract.events import Draft
from edge.clock import Stamp
from edge.config import Inspect
from edge.inspect.account import F64, Bools, Fate
from edge.inspect.coil import CoilInspection
from edge.inspect.outcomes import PRECEDENCE
from edge.inspect.stretches import tell
from edge.lifecycle.geometry import TileSize
from edge.types import U8, Coil, Frame, RowMap
from tests.unit.edge.inspect.test_across import MM
from tests.unit.edge.inspect.test_loop import ROW_M
from tests.unit.edge.inspect.test_stretches import cells_by_label, missed_in

CELL_ROWS, LONG, ACROSS = 16, 240, 6
CENTRES_M = ((np.arange(LONG, dtype=np.float64) + 0.5) * CELL_ROWS * ROW_M)[:, None]
CENTRES_MM = ((np.arange(ACROSS, dtype=np.float64) + 0.5) * MM)[None]
DAWN = datetime(2026, 11, 27, 6, tzinfo=UTC)
BLIND: U8 = np.zeros((0, 0), np.uint8)
FATES = (
    Fate("on_time"), Fate("late"), Fate("unusable", "dark"), Fate("unusable", "obscured"),
    Fate("lost", "no_view"), Fate("lost", "camera"),
)  # fmt: skip


class Step(NamedTuple):
    """A frame: rows high, so many rows back or on from the one before, two fates and the border
    between them, milliseconds after it; then perhaps a crash.
    """

    rows: int
    moved: int
    fates: tuple[Fate, Fate]
    border: float
    ms: int
    crash: bool


STEPS = st.lists(
    st.builds(
        Step,
        rows=st.integers(4, 60),
        moved=st.sampled_from([0, 0, 0, 0, -8, -40, -100, 30]),
        fates=st.tuples(*[st.sampled_from(FATES)] * 2),
        border=st.integers(0, 4 * ACROSS).map(lambda quarter: quarter / 4),
        ms=st.sampled_from([36, 36, 400, 1500]),
        crash=st.sampled_from([False] * 9 + [True]),
    ),
    max_size=40,
)


class Told:
    """One coil, its cells as this file counts them, and what was told of them."""

    def __init__(self) -> None:
        coil = Coil("c", 0.0, None, ACROSS * MM)
        size = TileSize(CELL_ROWS, CELL_ROWS, CELL_ROWS * ROW_M, MM)
        self.inspection = CoilInspection(coil, size, ROW_M, Inspect())
        self.news: Counter[str] = Counter()
        self.drafts: list[Draft] = []
        self.cells = np.full((LONG, ACROSS), len(PRECEDENCE))
        self.row = self.seam = 0

    def pass_by(self, step: Step, now_ns: int) -> None:
        first = max(0, self.row + step.moved)
        stretch = first * ROW_M, (first + step.rows) * ROW_M
        if step.moved > 0:
            self._record((self.row * ROW_M, stretch[0]), (0, ACROSS), Fate("lost", "camera"))
        for span, fate in zip(((0, step.border), (step.border, ACROSS)), step.fates, strict=True):
            self._record(stretch, span, fate)
        self.row = first + step.rows
        rows, now = RowMap(stretch[0], ROW_M, step.rows), Stamp(now_ns, now_ns)
        self.drafts += self.inspection.due(Frame(0, BLIND, rows, None, now))

    def _record(self, stretch: tuple[float, float], tiles: tuple[float, float], fate: Fate) -> None:
        mm = tiles[0] * MM, tiles[1] * MM
        news = self.inspection.record(stretch, mm, fate)
        if fate.outcome != "on_time":
            self.news[fate.label] += news.cells
        inside = within(CENTRES_M, *stretch) & within(CENTRES_MM, *mm)
        self.cells[inside] = np.minimum(self.cells, PRECEDENCE.index(fate.outcome))[inside]

    def check(self) -> None:
        """Every cell that was news is in one event; each cell lies where its outcome was told."""
        bodies = missed_in(self.drafts)
        assert cells_by_label(bodies) == self.news
        keys = [draft.key for draft in self.drafts]
        assert len(set(keys)) == len(keys), "the ledger would take one for a repetition"
        untold = (self.cells > 0) & (self.cells < len(PRECEDENCE))
        for body in bodies:
            at = body.extent
            along = within(CENTRES_M, at.from_m - ROW_M, at.to_m + ROW_M)
            there = along & within(CENTRES_MM, at.from_mm, at.to_mm)
            untold &= ~(there & (self.cells == PRECEDENCE.index(body.outcome)))
        assert not untold.any()


def within(points: F64, start: float, end: float) -> Bools:
    return np.asarray((points >= start) & (points < end), np.bool_)


DARK, HIDDEN = Fate("unusable", "dark"), Fate("lost", "no_view")
BACK_AND_WIDER = [
    Step(16, 0, (DARK, HIDDEN), 3, 36, crash=False),
    Step(32, 0, (DARK, HIDDEN), 3, 36, crash=False),
    Step(56, -40, (DARK, HIDDEN), ACROSS, 36, crash=False),
]


@settings(max_examples=400)
@example(BACK_AND_WIDER)
@given(STEPS)
def test_every_cell_is_told_once(steps: list[Step]) -> None:
    told, ms = Told(), 0
    for step in steps:
        told.pass_by(step, (ms := ms + step.ms) * 1_000_000)
        if step.crash:
            told.drafts += [tell(body, "c", DAWN) for body in told.inspection.untold]
            told.check()
            told = Told()
    told.drafts += told.inspection.finish(0.0, DAWN, interrupted=False)[0]
    told.check()
