"""The share of strip that was inspected lately, for whoever asks for the line's state."""

from collections import deque

from contract.bodies import Outcome
from edge.inspect.outcomes import SEEN

WINDOW_NS = 10_000_000_000


class Recent:
    """Cells of the last ten seconds, by what was first known of them. `count` and `frame` belong to
    the inspecting thread; `coverage` may be asked by any.
    """

    def __init__(self) -> None:
        self._frames: deque[tuple[int, int, int]] = deque()
        self._seen = self._all = 0

    def count(self, outcome: Outcome, cells: int) -> None:
        """Cells that the frame in hand tells of."""
        self._all += cells
        self._seen += cells if outcome in SEEN else 0

    def frame(self, now_ns: int) -> None:
        """The frame in hand is dealt with."""
        self._frames.append((now_ns, self._seen, self._all))
        self._seen = self._all = 0
        while self._frames[0][0] < now_ns - WINDOW_NS:
            self._frames.popleft()

    def coverage(self, now_ns: int) -> float | None:
        """The share inspected; None where nothing is known of any strip in the time: none passed,
        or no picture came since.
        """
        lately = [f for f in tuple(self._frames) if f[0] >= now_ns - WINDOW_NS]
        cells = sum(f[2] for f in lately)
        return sum(f[1] for f in lately) / cells if cells else None
