import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.tiles import CellLattice
from edge.inspect.account import (
    GROWTH_CELLS,
    KEPT_CELLS,
    ON_TIME,
    SCREENED,
    UNSEEN,
    CoilAccount,
    Fate,
    TileMask,
)
from edge.inspect.outcomes import PRECEDENCE

LATTICE = CellLattice(cell_m=0.064, cell_mm=64.0, width_mm=640.0)
ROW_M = 0.0005
FULL = (0.0, 640.0)


def account() -> CoilAccount:
    return CoilAccount(LATTICE, ROW_M)


def test_a_coil_seen_completely_is_completely_on_time() -> None:
    coil = account()
    for i in range(10):
        coil.record(i * 0.512, (i + 1) * 0.512, ON_TIME, FULL)
    totals = coil.totals(5.12)
    assert totals.expected == 80 * 10
    assert totals.fates == {ON_TIME: 800}


def test_what_nobody_accounts_for_is_lost() -> None:
    coil = account()
    coil.record(0.0, 0.512, ON_TIME, FULL)
    assert coil.totals(1.024).fates == {ON_TIME: 80, UNSEEN: 80}


def test_rounding_between_frames_costs_no_cell() -> None:
    coil = CoilAccount(CellLattice(0.064, 64.0, 640.0), ROW_M)
    step = 0.032 + 0.064  # frames end exactly on the centres of cells
    for i in range(100):
        coil.record(i * step + 1e-9, (i + 1) * step - 1e-9, ON_TIME, FULL)
    assert set(coil.totals(100 * step - 0.01).fates) == {ON_TIME}


def test_a_tail_within_half_a_row_of_what_was_seen_loses_no_cell() -> None:
    """The row ends at a cell's centre; beyond half a row strip is missing."""
    for behind_rows, unseen in ((0.4, 0), (0.6, 10)):
        coil = account()
        coil.record(0.0, 0.032, ON_TIME, FULL)
        assert coil.totals(0.032 + behind_rows * ROW_M).unseen == unseen


def test_the_better_outcome_holds_whichever_comes_first() -> None:
    lost, late = Fate("lost", "camera"), Fate("late")
    for first, second in ((lost, late), (late, lost)):
        coil = account()
        coil.record(0.0, 0.64, first, FULL)
        coil.record(0.0, 0.64, second, FULL)
        assert coil.totals(0.64).fates == {late: 100}


def test_strip_beside_the_picture_is_a_column_of_its_own() -> None:
    coil = account()
    coil.record(0.0, 0.64, ON_TIME, (0.0, 320.0))
    coil.record(0.0, 0.64, Fate("lost", "no_view"), (320.0, 640.0))
    assert coil.totals(0.64).fates == {ON_TIME: 50, Fate("lost", "no_view"): 50}


def test_the_tally_agrees_with_the_totals() -> None:
    coil = account()
    coil.record(0.0, 0.64, ON_TIME, FULL)
    coil.record(0.64, 0.768, Fate("lost", "camera"), FULL)
    coil.record(0.768, 0.896, Fate("off_strip_disagreement"), (640.0, 640.0))
    assert coil.tally() == {"on_time": 100, "lost(camera)": 20}


def test_a_coil_without_end_is_counted_exactly_and_stays_small() -> None:
    coil = account()
    frames, frame_m = 4000, 0.512
    for i in range(frames):
        if i % 100 != 7:
            coil.record(i * frame_m, (i + 1) * frame_m, ON_TIME, FULL)
        if i % 100 == 50:
            overlap_m = (i + 0.5) * frame_m
            coil.record(overlap_m, overlap_m + frame_m, Fate("late"), FULL)
    totals = coil.totals(frames * frame_m)
    assert totals.fates == {ON_TIME: (frames - 40) * 80, UNSEEN: 40 * 80}
    assert coil.tally() == {"on_time": (frames - 40) * 80}
    assert len(coil._cells) <= 2 * GROWTH_CELLS + KEPT_CELLS


stretches = st.lists(
    st.tuples(st.floats(0, 60), st.floats(0, 20), st.sampled_from(PRECEDENCE), st.floats(0, 640)),
    max_size=30,
)


@given(stretches, st.floats(0, 80))
def test_sums_agree_for_any_mixture(
    parts: list[tuple[float, float, str, float]], length_m: float
) -> None:
    coil = account()
    cells = np.full((LATTICE.along(length_m), LATTICE.across), len(PRECEDENCE))
    centres_m = (np.arange(len(cells)) + 0.5) * LATTICE.cell_m
    for begin, size, outcome, right_mm in parts:
        joins = abs(begin - coil.end_m) <= ROW_M / 2
        start = coil.end_m if joins else begin
        fate = Fate(next(o for o in PRECEDENCE if o == outcome), "x")
        coil.record(start, start + size, fate, (0.0, right_mm))
        inside = np.ix_(
            np.flatnonzero((centres_m >= start) & (centres_m < start + size)),
            np.flatnonzero(LATTICE.centres_mm() < right_mm),
        )
        cells[inside] = np.minimum(cells[inside], PRECEDENCE.index(fate.outcome))
    totals = coil.totals(length_m)
    assert sum(totals.fates.values()) == totals.expected == cells.size
    for rank, outcome in enumerate(PRECEDENCE):
        count = sum(n for fate, n in totals.fates.items() if fate == Fate(outcome, "x"))
        assert count == pytest.approx((cells == rank).sum(), abs=LATTICE.across)


def test_a_coil_shorter_than_what_was_folded_away_is_no_certificate() -> None:
    coil = account()
    rows = KEPT_CELLS + 2 * GROWTH_CELLS
    for i in range(rows):
        coil.record(i * 0.064, (i + 1) * 0.064, ON_TIME, FULL)
    totals = coil.totals(1.0)
    assert totals.breach == "160 cells expected, 81920 accounted for"
    assert sum(totals.fates.values()) == totals.expected


def test_cells_that_nobody_was_told_of_are_a_breach() -> None:
    coil = account()
    coil.record(0.0, 0.64, ON_TIME, FULL)
    coil._cells[5, 5] = 0
    totals = coil.totals(0.64)
    assert totals.breach == "99 cells have a fate, 100 were told"
    assert totals.unseen == 1


def test_an_account_of_many_coils_lengths_agrees_with_itself() -> None:
    for length_m in (0.0, 0.03, 0.64, 70.0, 400.0):
        coil = account()
        for i in range(int(length_m / 0.64) + 1):
            coil.record(i * 0.64, min(length_m, (i + 1) * 0.64), ON_TIME, FULL)
        assert not coil.totals(length_m).breach


BORDERS = st.lists(st.integers(0, 40), min_size=2, max_size=5, unique=True).map(sorted)


@given(rows=BORDERS, columns=BORDERS, data=st.data())
def test_a_mask_of_tiles_covers_what_one_of_its_tiles_shows(
    rows: list[int], columns: list[int], data: st.DataObject
) -> None:
    """Tiles of 12, which may overlap."""
    shape = (len(rows), len(columns))
    chosen = np.array(data.draw(st.lists(st.booleans(), min_size=int(np.prod(shape)))))
    chosen = chosen[: int(np.prod(shape))].reshape(shape)
    tops, lefts = np.array(rows, float), np.array(columns, float)
    mask = TileMask(tops, tops + 12, lefts, lefts + 12, chosen)
    along, across = np.arange(0, 60, 7.0), np.arange(0, 60, 5.0)
    expected = [
        [
            any(
                chosen[i, j] and top <= y < top + 12 and left <= x < left + 12
                for i, top in enumerate(rows)
                for j, left in enumerate(columns)
            )
            for x in across
        ]
        for y in along
    ]
    assert mask.covers(along, across).tolist() == expected


def test_some_tiles_of_a_stretch_and_then_the_rest() -> None:
    coil = account()
    borders = np.linspace(0, 0.512, 9)
    chosen = np.zeros((8, 10), np.bool_)
    chosen[2, 3] = chosen[7, 9] = True
    millimetres = np.linspace(0, 640, 11)
    mask = TileMask(borders[:-1], borders[1:], millimetres[:-1], millimetres[1:], chosen)
    assert coil.record(0.0, 0.512, ON_TIME, FULL, mask) == (2, 2)
    assert coil.record(0.0, 0.512, SCREENED, FULL) == (78, 78)
    assert coil.totals(0.512).fates == {ON_TIME: 2, SCREENED: 78}
    assert not coil.totals(0.512).breach


def test_a_stretch_told_in_parts_keeps_its_seam() -> None:
    """Half a row missing before a stretch belongs to each of its parts."""
    coil = CoilAccount(CellLattice(0.064, 64.0, 640.0), ROW_M)
    coil.record(0.0, 0.096 - 2e-4, ON_TIME, FULL)
    coil.record(0.096 + 2e-5, 0.192, ON_TIME, (0.0, 320.0))
    coil.record(0.096 + 2e-5, 0.192, SCREENED, (320.0, 640.0))
    assert set(coil.totals(0.192).fates) == {ON_TIME, SCREENED}
