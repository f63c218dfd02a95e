"""What became of every cell of a coil.

The coil is a fixed lattice of cells; each gets exactly one outcome. When a cell is seen twice, the
better outcome in the order of `PRECEDENCE` holds. What was expected comes from the coil's length
and the width the mill reports, never from the pictures that happened to arrive. Cells that no
picture and no known loss accounts for become `lost(unseen)` when the coil ends, so the sum always
agrees; that it does, and that it is what was counted on the way, is checked then. Of a coil without
end only the newest cells are kept one by one, the others as counts.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from contract.bodies import Outcome
from contract.tiles import CellLattice
from edge.inspect.outcomes import PRECEDENCE
from edge.types import U8

F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]
"""Cells by the code of their fate; 0 has none."""
GROWTH_CELLS = 4096
KEPT_CELLS = 1024
"""Rows of cells behind the camera whose fate may still change: frames overlap by much less."""


class Fate(NamedTuple):
    """An outcome, and for those with several causes the cause."""

    outcome: Outcome
    reason: str = ""

    @property
    def label(self) -> str:
        """`outcome` or `outcome(reason)`."""
        return f"{self.outcome}({self.reason})" if self.reason else self.outcome


ON_TIME, SCREENED = Fate("on_time"), Fate("screened")
UNSEEN = Fate("lost", "unseen")


class News(NamedTuple):
    """Cells of a rectangle for which its fate is news, and those of them that had none before."""

    cells: int
    first: int


class TileMask(NamedTuple):
    """Some tiles of a grid on the coil: the borders of its rows and columns (`along`, `across`),
    and which are meant (`along x across`).
    """

    from_m: F64
    to_m: F64
    from_mm: F64
    to_mm: F64
    chosen: Bools

    def covers(self, along_m: F64, across_mm: F64) -> Bools:
        """Whether such a tile shows each point of a lattice, `along_m x across_mm`."""
        rows = _within(along_m, self.from_m, self.to_m)
        columns = _within(across_mm, self.from_mm, self.to_mm)
        return np.asarray(rows @ self.chosen @ columns.T, np.bool_)


def _within(points: F64, starts: F64, ends: F64) -> Bools:
    """`points x spans`; to a billionth, so that a point on a border lies in one span and not both
    or none, however it was computed.
    """
    at = points.round(9)[:, None]
    return np.asarray((starts.round(9) <= at) & (at < ends.round(9)), np.bool_)


class Totals(NamedTuple):
    """A coil's cells: how many were expected, and how many met each fate."""

    expected: int
    fates: dict[Fate, int]
    breach: str = ""
    """How the account contradicts itself, a fault of this program; empty where it agrees."""

    @property
    def unseen(self) -> int:
        """Cells that nobody accounts for."""
        return self.fates.get(UNSEEN, 0)


class CoilAccount:
    """The lattice of one coil. Owned by the inspecting thread."""

    def __init__(self, lattice: CellLattice, row_m: float) -> None:
        """Account for a coil whose pictures have rows of `row_m` metres."""
        self.lattice = lattice
        self.end_m = 0.0
        """Strip before this has a fate."""
        self._seam_m = 0.0
        """Where the newest stretch begins."""
        self._half_row_m = row_m / 2
        self._cells: U8 = np.zeros((GROWTH_CELLS, lattice.across), np.uint8)
        self._first_row = 0
        self._folded: Counts = np.zeros(256, np.int64)
        self._fates: list[Fate] = []
        self._counts: Counts = np.zeros(256, np.int64)

    def record(
        self,
        from_m: float,
        to_m: float,
        fate: Fate,
        mm: tuple[float, float],
        tiles: TileMask | None = None,
    ) -> News:
        """Give a rectangle its fate, or only the cells in it whose centre such a tile shows.

        Stretches must come with ends that agree to half a row, as consecutive frames do.
        """
        if to_m != self.end_m:  # else it is more of the newest stretch, which has its seam
            self._seam_m = self.end_m
        if abs(from_m - self._seam_m) <= self._half_row_m:
            from_m = self._seam_m
        self.end_m = max(self.end_m, to_m)
        rows = slice(self._kept_row(from_m), self._kept_row(to_m))
        columns = slice(*np.searchsorted(self.lattice.centres_mm(), mm))
        self._reserve(rows.stop)
        part = self._cells[rows, columns]
        code = self._code(fate)
        worse = self._ranks()[part] > self._ranks()[code]
        if tiles is not None:
            worse &= tiles.covers(self._centres_m(rows), self.lattice.centres_mm()[columns])
        self._counts -= np.bincount(part[worse], minlength=256)
        news = News(int(worse.sum()), int((part[worse] == 0).sum()))
        self._counts[code] += news.cells
        part[worse] = code
        self._fold()
        return news

    def totals(self, length_m: float) -> Totals:
        """The account at the coil's end; what nobody has accounted for is lost. The row of pixels
        that the tail is put to may end half a row before it: no cell is expected behind that row.
        """
        if 0 < length_m - self.end_m <= self._half_row_m:
            length_m = self.end_m
        rows = self.lattice.along(length_m)
        kept = max(0, rows - self._first_row)
        self._reserve(kept)
        counts = self._folded + np.bincount(self._cells[:kept].ravel(), minlength=256)
        fates = {fate: int(counts[i + 1]) for i, fate in enumerate(self._fates) if counts[i + 1]}
        if counts[0]:
            fates[UNSEEN] = fates.get(UNSEEN, 0) + int(counts[0])
        beyond = np.bincount(self._cells[kept:].ravel(), minlength=256)
        expected, found = rows * self.lattice.across, int(counts.sum())
        breach = self._breach(expected, found, counts + beyond)
        return Totals(max(expected, found), fates, breach)

    def _breach(self, expected: int, found: int, everywhere: Counts) -> str:
        """The coil's cells against its length; all cells against what was counted on the way."""
        if found != expected:
            return f"{expected} cells expected, {found} accounted for"
        if np.any(everywhere[1:] != self._counts[1:]):
            return f"{everywhere[1:].sum()} cells have a fate, {self._counts[1:].sum()} were told"
        return ""

    def tally(self) -> dict[str, int]:
        """Cells so far by label, for the watermark; only what there is, as in `totals`."""
        counts = zip(self._fates, self._counts[1:], strict=False)
        return {fate.label: int(count) for fate, count in counts if count}

    def _centres_m(self, rows: slice) -> F64:
        return (np.arange(rows.start, rows.stop) + self._first_row + 0.5) * self.lattice.cell_m

    def _kept_row(self, coil_m: float) -> int:
        return max(0, self.lattice.along(coil_m) - self._first_row)

    def _fold(self) -> None:
        """Keep of the cells far behind only how many met each fate."""
        behind = self._kept_row(self.end_m) - KEPT_CELLS
        if behind >= GROWTH_CELLS:
            self._folded += np.bincount(self._cells[:behind].ravel(), minlength=256)
            self._cells = self._cells[behind:].copy()
            self._first_row += behind

    def _reserve(self, rows: int) -> None:
        if rows > len(self._cells):
            more = max(GROWTH_CELLS, rows - len(self._cells))
            self._cells = np.concatenate(
                [self._cells, np.zeros((more, self.lattice.across), np.uint8)]
            )

    def _code(self, fate: Fate) -> int:
        if fate not in self._fates:
            self._fates.append(fate)
        return self._fates.index(fate) + 1

    def _ranks(self) -> U8:
        """Precedence of each code: 0 is the best, an unseen cell has the worst."""
        ranks = np.full(256, 255, np.uint8)
        for i, fate in enumerate(self._fates):
            ranks[i + 1] = PRECEDENCE.index(fate.outcome)
        return ranks
