"""Every cell of every coil ends in one outcome, and the ledger's events say which were not seen.

Strip passes as Hypothesis likes it: frames seen, late, dark or overlapping, stretches lost for a
reason or for none, coils that end anywhere, starts anew. What the inspector reports is held against
a lattice that this file counts by itself from what it made happen.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from contract.events import CoilReport, CoilStarted, NotInspected, Outcome, number
from contract.tiles import TileGrid
from edge import config
from edge.acquire.coils import ConstantCoils
from edge.inspect.account import PRECEDENCE
from edge.inspect.loop import Inspector
from edge.inspect.recover import end_coil
from edge.inspect.screening import Glance, Screen
from edge.metrics import InspectMetrics
from edge.types import U8, Commit, Frame, Loss, RowMap
from runtime.screen import blocks_of, half_tiles
from tests.line.screened import small_screen
from tests.unit.edge.inspect.test_loop import CLEAN, COLUMNS, ROW_M, ROWS, Line
from tests.unit.runtime.small_bundle import SIDE

FRAME_ROWS = ROWS * SIDE
UNSEEN = len(PRECEDENCE)


class Step(NamedTuple):
    """What happens to a stretch of strip of so many cells' length."""

    what: str
    cells: int


STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(
            ["seen", "seen", "late", "dark", "overlap", "lost", "dropped", "gap", "kill"]
        ),
        st.integers(1, 3 * ROWS),
    ),
    min_size=1,
    max_size=12,
)
COIL_ROWS = st.integers(3 * SIDE, 40 * SIDE)


class Strip:
    """An inspector, and the lattice of each coil as this file counts it."""

    def __init__(self, line: Line, coil_rows: int, *, screens: bool) -> None:
        self.coil_rows, self.screens = coil_rows, screens
        self.line, self.registry = line, CollectorRegistry()
        self.metrics = InspectMetrics(self.registry)
        self.first_coil = self.row = self.told = self.seen_from = 0
        self.inspector = self._start()
        self.losses: list[Loss] = []
        self.dropped: list[Loss] = []
        self.cells: dict[int, npt.NDArray[np.int64]] = defaultdict(self._empty)
        self.commits: list[Commit] = []

    def _start(self) -> Inspector:
        """A process that knows of the ones before it only which coil is next."""
        coils = config.Coils(
            first_id=f"coil-{self.first_coil:04d}",
            length_m=self.coil_rows * ROW_M,
            width_mm=COLUMNS * SIDE * 0.5,
        )
        line = self.line
        return Inspector(line.config, line.slot, ConstantCoils(coils), self.metrics, line.clock)

    def _kill(self) -> None:
        """All since the last commit is gone; the next start reports the coil from the ledger."""
        watermark, now = self.inspector.watermark, self.line.clock.now()
        for draft in [draft for commit in self.commits for draft in commit.drafts]:
            if isinstance(draft.body, CoilStarted) and draft.coil == watermark.coil:
                drafts = end_coil(number(draft, "/s/l/c", 1), watermark, [], now.utc())
                self.commits.append(Commit(tuple(drafts), None, now))
        self.first_coil += (self.told - 1) // self.coil_rows + 1
        self.row = self.told = self.seen_from = 0
        self.losses, self.dropped = [], []
        self.inspector = self._start()

    def pass_by(self, step: Step) -> None:
        rows = step.cells * SIDE
        match step.what:
            case "kill":
                self._kill()
            case "gap":
                self._happens(self.row, rows, "lost")
                self.row = self.seen_from = self.row + rows
            case "lost" | "dropped":
                self._happens(self.row, rows, "lost")
                stretch = self.row * ROW_M, (self.row + rows) * ROW_M
                places = self.losses if step.what == "lost" else self.dropped
                places.append(Loss(*stretch, step.what))
                self.row = self.seen_from = self.row + rows
            case "overlap":
                self.row -= min(rows, FRAME_ROWS // 2, self.row - self.seen_from)
                self._frame(CLEAN, "on_time", 0)
            case "late":
                self._frame(CLEAN, "late", 60_000_000)
            case "dark":
                self._frame(np.zeros_like(CLEAN), "unusable", 0)
            case _:
                self._frame(CLEAN, "on_time", 0)

    def _frame(self, pixels: U8, outcome: Outcome, takes_ns: int) -> None:
        self._happens(self.row, FRAME_ROWS, outcome)
        rows = RowMap(self.row * ROW_M, ROW_M, FRAME_ROWS)
        grabbed = self.line.clock.now()
        self.line.clock.ns += takes_ns
        frame = Frame(len(self.commits), pixels, rows, None, grabbed, tuple(self.losses))
        self.commits.append(self.inspector.inspect(frame, self.dropped))
        self.seen_from = self.row
        self.row, self.losses, self.dropped = self.row + FRAME_ROWS, [], []

    def finish(self) -> None:
        if (last := self.inspector.finish()) is not None:
            self.commits.append(last)

    def _empty(self) -> npt.NDArray[np.int64]:
        return np.full(len(self.centres()), UNSEEN)

    def centres(self) -> npt.NDArray[np.int64]:
        """Row of each cell's centre, counted from the coil's head."""
        return np.arange(SIDE // 2, self.coil_rows, SIDE)

    def _happens(self, first_row: int, rows: int, outcome: Outcome) -> None:
        """Cells of each coil whose centre lies there; the better outcome holds, but for a coil that
        has its report.
        """
        end_row, first = first_row + rows, max(first_row, self.told - 1) // self.coil_rows
        self.told = max(self.told, end_row)
        for n in range(first, end_row // self.coil_rows + 1):
            centres, cells = self.centres() + n * self.coil_rows, self.cells[self.first_coil + n]
            inside = (centres >= first_row) & (centres < end_row)
            ranks = np.full(len(cells), PRECEDENCE.index(outcome))
            if outcome == "on_time" and self.screens:
                start, end = n * self.coil_rows, (n + 1) * self.coil_rows
                section = max(first_row, start), min(end_row, end)
                ranks[~shown(centres, section, first_row)] = PRECEDENCE.index("screened")
            cells[inside] = np.minimum(cells, ranks)[inside]


def shown(
    centres: npt.NDArray[np.int64], section: tuple[int, int], first_row: int
) -> npt.NDArray[np.bool_]:
    """Whether a tile of every second row of tiles shows each centre; a section shorter than a tile
    borrows rows of its frame, which begins at `first_row`.
    """
    start, end = section
    starts = [*range(start, end - SIDE + 1, SIDE)]
    if (end - start) % SIDE:
        starts.append(max(first_row, end - SIDE))
    chosen = np.array(starts[::2]).reshape(-1, 1)
    return np.asarray(((chosen <= centres) & (centres < chosen + SIDE)).any(axis=0))


def every_second_row(_: Screen, pixels: U8, grid: TileGrid) -> Glance:
    """In place of a screen's look: what it finds suspicious is another test's question."""
    half = half_tiles(pixels, grid)
    suspicious = np.zeros(grid.shape, np.bool_)
    suspicious[::2] = True
    return Glance(half, blocks_of(half, grid.shape), suspicious.ravel())


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


@settings(max_examples=150)
@given(steps=STEPS, coil_rows=COIL_ROWS)
def test_every_cell_ends_in_one_outcome(line: Line, steps: list[Step], coil_rows: int) -> None:
    conserved(Strip(line, coil_rows, screens=False), steps)


@settings(max_examples=100)
@given(steps=STEPS, coil_rows=COIL_ROWS)
def test_and_so_it_does_where_every_second_row_of_tiles_is_screened(
    line: Line, steps: list[Step], coil_rows: int
) -> None:
    plain = line.slot.active
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Screen, "look", every_second_row)
        patch.setattr(line.slot, "active", replace(plain, screen=small_screen()))
        conserved(Strip(line, coil_rows, screens=True), steps)


def conserved(strip: Strip, steps: list[Step]) -> None:
    for step in [*steps, Step("seen", 1)]:
        strip.pass_by(step)
    strip.finish()
    drafts = [draft for commit in strip.commits for draft in commit.drafts]
    reports = {d.coil: d.body for d in drafts if isinstance(d.body, CoilReport)}
    missed = [(d.coil, d.body) for d in drafts if isinstance(d.body, NotInspected)]
    assert len(reports) == len({d.coil for d in drafts})
    counted = [
        strip.registry.get_sample_value("stripsight_cells_total", {"outcome": outcome}) or 0
        for outcome in PRECEDENCE
    ]
    assert sum(counted) == sum(report.expected_cells for report in reports.values())
    assert strip.registry.get_sample_value("stripsight_account_breaches_total") == 0
    for coil, report in reports.items():
        centres = strip.centres()[strip.centres() < round(report.length_m / ROW_M)]
        ranks = strip.cells[int(str(coil).removeprefix("coil-"))][: len(centres)]
        found = {PRECEDENCE[r]: n * COLUMNS for r, n in Counter(ranks.tolist()).items()}
        assert report.cells == found
        assert report.expected_cells == len(centres) * COLUMNS
        told = [body for place, body in missed if place == coil]
        for centre, rank in zip((centres * ROW_M).tolist(), ranks.tolist(), strict=True):
            assert PRECEDENCE[rank] in {"on_time", "screened"} or any(
                body.outcome == PRECEDENCE[rank]
                and body.extent.from_m - ROW_M < centre < body.extent.to_m + ROW_M
                for body in told
            ), "nobody was told"
