"""Every cell of every coil ends in one outcome, and the ledger's events say which were not seen.

Strip passes as Hypothesis likes it (`passing.py`): frames seen, late, dark, overlapping or dropped,
blocks lost, a camera away, an encoder that begins anew, strip that runs back, wanders, jumps, lies
out of view or is narrower than the mill says, coils that end anywhere, processes killed. What the
inspector reports is held against cells that are counted by what was made to happen.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.bodies import CoilReport, NotInspected
from contract.tiles import TileGrid
from edge.inspect.lens import Lens
from edge.inspect.outcomes import PRECEDENCE
from edge.inspect.screening import Glance, Screen
from edge.types import U8
from runtime.screen import blocks_of, half_tiles
from tests.line.screened import small_screen
from tests.unit.edge.inspect.cells import NOTHING, Bools, Cells
from tests.unit.edge.inspect.passing import RIDES, STEPS, Ride, Step, Strip
from tests.unit.edge.inspect.sideways import ACROSS, rank
from tests.unit.edge.inspect.test_loop import ROW_M, Line
from tests.unit.runtime.small_bundle import SIDE


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


@settings(max_examples=200)
@given(steps=STEPS, ride=RIDES, screens=st.booleans())
def test_every_cell_ends_in_one_outcome(
    line: Line, steps: list[Step], ride: Ride, *, screens: bool
) -> None:
    """With a screen, every second row of tiles is called clean without the network."""
    model = line.slot.active
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Lens, "hidden", ride.lie.hidden)
        patch.setattr(Screen, "look", every_second_row)
        if screens:
            patch.setattr(line.slot, "active", replace(model, screen=small_screen()))
        strip = Strip(line, ride, screens=screens)
        for step in [*steps, Step("seen")]:
            strip.pass_by(step)
        strip.finish()
    conserved(strip)


def conserved(strip: Strip) -> None:
    expected, reports = strip.expected, dict[int, CoilReport]()
    missed: dict[int, list[NotInspected]] = defaultdict(list)
    for draft in strip.drafts:
        coil = int(str(draft.coil).removeprefix("coil-"))
        if isinstance(draft.body, CoilReport):
            assert coil not in reports
            reports[coil] = draft.body
        elif isinstance(draft.body, NotInspected):
            missed[coil].append(draft.body)
    assert {coil: round(r.length_m / ROW_M) for coil, r in reports.items()} == expected.lengths
    for coil, report in reports.items():
        counted(expected.cells[coil], expected.lengths[coil], report)
        told(expected.cells[coil], missed[coil])
        rows = [body.extent.from_m / ROW_M for body in missed[coil] if without_length(body)]
        assert set(map(round, rows)) == set(expected.uncounted[coil])
    measured(strip)
    for recovered, finished in strip.endings:
        assert (recovered.cells, recovered.length_m) == (finished.cells, finished.length_m)
        assert recovered.expected_cells == finished.expected_cells


def counted(cells: Cells, rows: int, report: CoilReport) -> None:
    """Each cell once, and no certificate for strip that could not be judged."""
    inside = cells.ranks[cells.centres < rows]
    assert NOTHING not in inside
    found = {PRECEDENCE[n]: count for n, count in Counter(inside.ravel().tolist()).items()}
    assert report.cells == found
    assert report.expected_cells == inside.size
    assert "lost(unseen)" not in report.reasons
    if not found or {"unusable", "off_strip_disagreement"} & set(found):
        assert not report.inspection_valid


def told(cells: Cells, events: list[NotInspected]) -> None:
    """Events cover what was not inspected, and count each cell as often as its outcome was news."""
    for n, outcome in enumerate(PRECEDENCE):
        if outcome in {"on_time", "screened"}:
            continue
        mine = [body for body in events if body.outcome == outcome]
        assert sum(body.cells for body in mine) == cells.ever[n]
        covered = np.zeros_like(cells.ranks, np.bool_)
        for body in mine:
            covered |= covers(body, cells)
        assert covered[cells.ranks == n].all(), f"nobody was told of what is {outcome}"


def covers(body: NotInspected, cells: Cells) -> Bools:
    """To a row of the picture."""
    along, across = cells.centres * ROW_M, (np.arange(ACROSS) + 0.5) * SIDE * 0.5
    at = body.extent
    rows = (along > at.from_m - ROW_M) & (along < at.to_m + ROW_M)
    return rows[:, None] & ((across >= at.from_mm) & (across < at.to_mm))


def without_length(body: NotInspected) -> bool:
    return body.outcome == "lost" and body.extent.from_m == body.extent.to_m


def measured(strip: Strip) -> None:
    """The metrics count each cell by what it met first."""
    first: Counter[int] = Counter()
    for cells in strip.expected.cells.values():
        first += cells.first
    for outcome in PRECEDENCE:
        counter = strip.registry.get_sample_value("stripsight_cells_total", {"outcome": outcome})
        assert (counter or 0) == first[rank(outcome)]
    assert strip.registry.get_sample_value("stripsight_account_breaches_total") == 0
