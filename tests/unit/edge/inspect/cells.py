"""The lattice of a coil as a test counts it by itself: each cell has the best of what it met."""

from collections import Counter, defaultdict

import numpy as np
import numpy.typing as npt
from hypothesis import assume

from contract.bodies import Outcome
from edge.inspect.outcomes import PRECEDENCE
from tests.unit.edge.inspect.sideways import ACROSS, Lie, Ranks, rank
from tests.unit.runtime.small_bundle import SIDE

Bools = npt.NDArray[np.bool_]
NOTHING = len(PRECEDENCE)


class Cells:
    """Of one coil, `along x across`; rows are counted from its head."""

    def __init__(self, rows: int, across: int) -> None:
        self.centres: Ranks = np.arange(SIDE // 2, rows, SIDE)
        """The row in which each cell's centre lies."""
        self.ranks: Ranks = np.full((len(self.centres), across), NOTHING)
        self.first: Counter[int] = Counter()
        """Cells by what they met first."""
        self.ever: Counter[int] = Counter()
        """Cells by all that held for a while."""

    def meet(self, first_row: int, end_row: int, ranks: Ranks | int) -> None:
        """Cells whose centre lies there; `ranks` for all cells of the coil, or what is spread."""
        inside = (self.centres >= first_row) & (self.centres < end_row)
        ranks = np.broadcast_to(ranks, self.ranks.shape)
        better = inside[:, None] & (ranks < self.ranks)
        self.first.update(ranks[better & (self.ranks == NOTHING)].tolist())
        self.ever.update(ranks[better].tolist())
        self.ranks[better] = ranks[better]


def shown(centres: Ranks, section: tuple[int, int], first_row: int) -> Bools:
    """Whether a tile of every second row of tiles shows each centre; a section shorter than a tile
    borrows rows of its frame, which begins at `first_row`.
    """
    start, end = section
    starts = [*range(start, end - SIDE + 1, SIDE)]
    if (end - start) % SIDE:
        starts.append(max(first_row, end - SIDE))
    chosen = np.array(starts[::2]).reshape(-1, 1)
    return np.asarray(((chosen <= centres) & (centres < chosen + SIDE)).any(axis=0))


class Expected:
    """All coils' cells as they must end, over all processes. Rows are those of the line's count."""

    def __init__(self, coil_rows: int, lie: Lie, *, screens: bool) -> None:
        self.coil_rows, self.lie, self.screens = coil_rows, lie, screens
        self.cells: dict[int, Cells] = defaultdict(lambda: Cells(coil_rows, ACROSS))
        self.lengths: dict[int, int] = {}
        """Rows of each coil that has its report."""
        self.uncounted: dict[int, list[int]] = defaultdict(list)
        """Of each coil the rows where strip passed whose length nobody knows."""
        self.told = self.next_coil = 0
        self.start(0)

    def start(self, row: int) -> None:
        """A process starts; its first coil's head is there."""
        self.told = self.head = row
        self.first_coil, self.newest = self.next_coil, -1
        self.known: dict[int, int] = {}  # where the strip's edges were last, by coil
        self.jumps = 0

    @property
    def coil(self) -> int:
        """The newest one."""
        return self.first_coil + self.newest

    def length(self) -> int:
        """Of the newest coil, so far."""
        return max(0, self.told - self._head(self.newest))

    def end(self) -> None:
        """The newest coil gets its report before its tail has passed."""
        self.lengths[self.coil] = self.length()
        self.next_coil = self.coil + 1

    def lose(self, end: int) -> None:
        """Strip up to there that has no fate yet."""
        if end > self.told:
            for n in self._coils(self.told, end):
                place = self.told - self._head(n), end - self._head(n)
                self.cells[self.first_coil + n].meet(*place, rank("lost"))
            self.told = end

    def nobody_counted(self, row: int) -> None:
        """Strip passed at a place; it is said unless the coil there has its report. Between two
        coils it may be said of either.
        """
        assume(row <= self.head or (row - self.head) % self.coil_rows)
        for n in self._coils(row, row + 1):
            if row >= self.head:
                self.uncounted[self.first_coil + n].append(row - self._head(n))

    def _coils(self, first: int, end: int) -> list[int]:
        """The coils of these rows that have no report; the strip has come to the last of them."""
        length, to = self.coil_rows, max(0, (end - 1 - self.head) // self.coil_rows)
        coils = list(range(max(self.newest, 0, (first - self.head) // length), to + 1))
        for n in coils:
            if 0 <= self.newest < n:
                self.lengths[self.first_coil + self.newest] = length
            self.newest = n
        return coils

    def may_jump(self, high: int) -> bool:
        """Strip that jumps is not believed, at most twice, where its edges were known before."""
        coil = (high - 1 - self.head) // self.coil_rows
        known = coil == self.newest and self.first_coil + coil in self.known
        self.jumps = self.jumps + 1 if known and self.lie.follows else 3
        return self.jumps <= 2

    def sections(self, kept: tuple[int, int], outcome: Outcome, left_px: int) -> None:
        """A frame's rows were looked at with that outcome, of strip whose left edge is there."""
        low, high = kept
        for n in self._coils(low, high):
            coil, head = self.first_coil + n, self._head(n)
            if outcome == "unusable" and self.lie.follows:
                left_px = self.known.get(coil, 0)
            elif outcome != "off_strip_disagreement":
                self.known[coil], self.jumps = left_px, 0
            cells = self.cells[coil]
            ranks: Ranks = np.tile(self.lie.fates(outcome, left_px), (len(cells.centres), 1))
            section = low if n == 0 else max(low, head), min(high, head + self.coil_rows)
            if self.screens:
                seen = shown(cells.centres + head, section, low)
                ranks[~seen[:, None] & (ranks == rank("on_time"))] = rank("screened")
            cells.meet(low - head, high - head, ranks)
        self.told = max(self.told, high)

    def _head(self, n: int) -> int:
        return self.head + n * self.coil_rows
