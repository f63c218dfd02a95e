"""Strip that was not inspected: joined while it goes on, and told a second at a time.

A stretch is told with the frame in which it begins, then each second of the frames' time, and when
it ends: with strip that was looked at, another reason, another place across, strip that runs back,
the coil. What is not told yet stands in every commit's watermark, so a crash leaves nothing untold
(ADR 18).
"""

from datetime import datetime
from typing import NamedTuple

from contract.bodies import Extent, NotInspected
from contract.events import Draft
from edge.inspect.account import Fate

TOLD_EVERY_NS = 1_000_000_000
NEVER_NS = 1 << 63

FromTo = tuple[float, float]


class _Stretch(NamedTuple):
    """What is not told yet of an open stretch; empty along where all is, up to there."""

    fate: Fate
    from_m: float
    to_m: float
    from_mm: float
    to_mm: float
    cells: int
    lasts: bool
    due_ns: int = 0
    """The frames' time at which more of it is told; 0 before its first frame is."""

    @property
    def untold(self) -> bool:
        return self.cells > 0 or self.due_ns == 0

    def goes_on(self, more: "_Stretch", slack_m: float) -> bool:
        """Whether the next frame's stretch is more of this one. One without length never is; what
        lasts goes on behind whatever is between.
        """
        has_length = self.from_m < self.to_m or self.due_ns > 0
        along = has_length and self.to_m < more.to_m and more.from_m <= self.to_m + slack_m
        across = more.from_mm <= self.to_mm and self.from_mm <= more.to_mm
        return self.fate == more.fate and (along or (self.lasts and more.lasts)) and across

    def is_at(self, other: "_Stretch") -> bool:
        """Whether both are of one place for one reason, and so one event."""
        return self[:5] == other[:5]

    def longer(self, more: "_Stretch") -> "_Stretch":
        """With the next frame's, whose borders across may lie elsewhere."""
        across = more if self.from_m == self.to_m else self
        return self._replace(
            from_m=min(self.from_m, more.from_m),
            to_m=max(self.to_m, more.to_m),
            from_mm=min(across.from_mm, more.from_mm),
            to_mm=max(across.to_mm, more.to_mm),
            cells=self.cells + more.cells,
        )

    def told(self, due_ns: int) -> "_Stretch":
        return self._replace(from_m=self.to_m, cells=0, due_ns=due_ns)

    def body(self) -> NotInspected:
        along, across = (self.from_m, self.to_m), (self.from_mm, self.to_mm)
        return not_inspected(self.fate, along, across, self.cells)


class Stretches:
    """The open stretches of one coil, whose frames join to `slack_m`. Owned by the inspecting
    thread.
    """

    def __init__(self, slack_m: float) -> None:
        self._slack_m = slack_m
        self._open: list[_Stretch] = []

    def add(
        self, fate: Fate, stretch: FromTo, mm: FromTo, cells: int, *, lasts: bool = False
    ) -> None:
        """Enter a rectangle and how many of its cells are news. One that `lasts` is told when it
        begins and when it ends, not in between.
        """
        more = _Stretch(fate, *stretch, *mm, cells, lasts)
        for n, before in enumerate(self._open):
            if before.goes_on(more, self._slack_m):
                self._open[n] = before.longer(more)
                return
        if cells or (stretch[0] == stretch[1] and not any(more.is_at(b) for b in self._open)):
            self._open.append(more)

    def due(self, at_m: float, now_ns: int) -> list[NotInspected]:
        """What is to be told after a frame that ends at `at_m` and was grabbed at `now_ns`."""
        told, self._open, before = [], [], self._open
        for stretch in before:
            ended = not stretch.lasts and abs(stretch.to_m - at_m) > self._slack_m
            tells = stretch.untold and (ended or stretch.due_ns <= now_ns)
            if tells:
                told.append(stretch.body())
            if not ended:
                due_ns = NEVER_NS if stretch.lasts else now_ns + TOLD_EVERY_NS
                self._open.append(stretch.told(due_ns) if tells else stretch)
        return told

    def untold(self) -> tuple[NotInspected, ...]:
        """What nobody has been told yet."""
        return tuple(stretch.body() for stretch in self._open if stretch.untold)


def not_inspected(fate: Fate, stretch: FromTo, mm: FromTo, cells: int = 0) -> NotInspected:
    """The event's body for a rectangle: metres from the coil's head, mm from the operator side."""
    from_m, to_m = (round(m, 6) for m in stretch)
    extent = Extent(from_m=from_m, to_m=to_m, from_mm=mm[0], to_mm=mm[1])
    return NotInspected(extent=extent, outcome=fate.outcome, reason=fate.reason, cells=cells)


def tell(body: NotInspected, coil: str | None, time: datetime) -> Draft:
    """The event, whose id follows from what it says."""
    at, label = body.extent, Fate(body.outcome, body.reason).label
    along, across = f"{at.from_m:.4f}-{at.to_m:.4f}", f"{at.from_mm:.1f}-{at.to_mm:.1f}"
    return Draft(body, coil, f"{label}@{along},{across}", time)
