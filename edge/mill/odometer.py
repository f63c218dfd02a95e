"""Where the strip was at a moment: what makes a place of the time of a pulse.

The blocks' own places and stamps are the samples; between two the strip runs evenly.
"""

import threading
from bisect import bisect_left

from edge.ports import LinePosition
from edge.types import Block, Placed

KEPT = 8192
"""Samples: two minutes of the quickest camera, half an hour of a slow one."""
SILENCE_NS = 1_000_000_000
"""So long after a block it is not yet known whether frames still come."""


class Odometer:
    """Told by the source's thread, asked by any. Metres are the line's count at the reference.

    Args:
        start_m: the count under the camera before the first block.
        offset_m: from the reference to the camera, downstream.
    """

    def __init__(self, start_m: float, offset_m: float) -> None:
        self._offset_m = offset_m
        self._start_m = start_m + offset_m
        self._moments: list[int] = []
        self._metres: list[float] = []
        self._lock = threading.Lock()

    def tell(self, at_ns: int, camera_m: float) -> None:
        """The strip under the camera at a moment of the monotonic clock."""
        with self._lock:
            if self._moments and at_ns <= self._moments[-1]:
                return
            self._moments.append(at_ns)
            self._metres.append(camera_m + self._offset_m)
            if len(self._moments) >= 2 * KEPT:
                self._start_m = self._metres[KEPT]
                del self._moments[:KEPT], self._metres[:KEPT]

    def passed(self, at_ns: int) -> bool:
        """Whether a block has come since, so that the place of the moment does not change more."""
        with self._lock:
            return bool(self._moments) and self._moments[-1] >= at_ns

    def knows(self, at_ns: int) -> bool:
        """Whether the strip was measured at that moment, or just before and not yet again."""
        with self._lock:
            moments = self._moments
            if not moments or at_ns < moments[0]:
                return False
            block_ns = moments[-1] - moments[-2] if len(moments) > 1 else 0
            return at_ns <= moments[-1] + max(block_ns, SILENCE_NS)

    def at(self, at_ns: int) -> float:
        """What lay at the reference at a moment; before the oldest sample what lay there at first.

        After the newest sample the strip goes on as it did, but no further than a block: by then
        another would have come.
        """
        with self._lock:
            moments, metres = self._moments, self._metres
            if not moments:
                return self._start_m
            after = bisect_left(moments, at_ns)
            if after == 0 or len(moments) == 1:
                return metres[0] if after or moments[0] == at_ns else self._start_m
            after = min(after, len(moments) - 1)
            span_ns = moments[after] - moments[after - 1]
            share = min(2.0, (at_ns - moments[after - 1]) / span_ns)
            return metres[after - 1] + share * (metres[after] - metres[after - 1])


class WatchedPosition:
    """A position whose every block tells the odometer."""

    def __init__(
        self, position: LinePosition, odometer: Odometer, *, rows_backwards: bool = False
    ) -> None:
        self._position = position
        self._odometer = odometer
        self._rows_backwards = rows_backwards

    def advance(self, block: Block) -> Placed:
        """As the position says."""
        placed = self._position.advance(block)
        ran_back = placed.backwards != self._rows_backwards
        newest_m = placed.rows.first_m if ran_back else placed.rows.end_m
        self._odometer.tell((block.exposed or block.grabbed).monotonic_ns, newest_m)
        return placed
