"""Where the strip is under the camera, in metres of the line's own count.

Both positions start at `start_m`, so that after a restart the count can go on where it stopped. A
position never knows of pixels beyond a block's height: lost blocks are as high as the next one.
"""

from edge.clock import Stamp
from edge.config import Config
from edge.config import LinesPosition as LinesSection
from edge.ports import LinePosition
from edge.types import RowMap

CONTIGUOUS_SHARE = 0.05
"""Deviation of a stamp, in block heights, that counts as jitter: 5 % of a block at 28 frames/s is
1.8 ms, which the thread hand-off keeps at its p99 (0.1 ms idle); an overlap or a hole that a camera
was set up to have is larger or adds up to more within a few blocks.
"""


class LinesPosition:
    """An encoder triggers every line: position is the number of lines times their pitch.

    Lines that the camera did not count (it was away) are unknown here: the count then simply goes
    on, and every later position of that coil is short by the stretch that passed.
    """

    def __init__(self, m_per_row: float, start_m: float = 0.0) -> None:
        self._m_per_row = m_per_row
        self._start_m = start_m
        self._row = 0  # an integer, so that millions of blocks add no rounding error

    def advance(self, rows: int, frames_lost: int, grabbed: Stamp) -> RowMap:
        """The next block, `frames_lost` blocks further on; the stamp tells nothing new."""
        del grabbed
        self._row += frames_lost * rows
        first_m = self._start_m + self._row * self._m_per_row
        self._row += rows
        return RowMap(first_m, self._m_per_row, rows)


class SpeedPosition:
    """No encoder: the strip runs at a constant speed and a block ends where it was at its stamp.

    The first block defines the origin: it (or the lost ones before it) starts at `start_m`. A block
    whose stamp is within `CONTIGUOUS_SHARE` of joining the one before is joined to it, so that
    jitter makes neither holes nor overlaps; the error stays below that share, it does not add up.
    """

    def __init__(self, m_per_s: float, m_per_row: float, start_m: float = 0.0) -> None:
        self._m_per_s = m_per_s
        self._m_per_row = m_per_row
        self._end_m = start_m
        self._origin: tuple[int, float] | None = None

    def advance(self, rows: int, frames_lost: int, grabbed: Stamp) -> RowMap:
        """The block that ends at its stamp; lost blocks matter only where the stamps agree."""
        block_m = rows * self._m_per_row
        first_m = self._end_m + frames_lost * block_m
        if self._origin is None:
            self._origin = grabbed.monotonic_ns, first_m + block_m
        origin_ns, origin_m = self._origin
        elapsed_s = (grabbed.monotonic_ns - origin_ns) / 1e9
        measured_m = origin_m + elapsed_s * self._m_per_s - block_m
        if abs(measured_m - first_m) > CONTIGUOUS_SHARE * block_m:
            first_m = measured_m
        placed = RowMap(first_m, self._m_per_row, rows)
        self._end_m = placed.end_m
        return placed


def make_position(config: Config, start_m: float = 0.0) -> LinePosition:
    """The position that the config asks for, with the optics' millimetres per row."""
    m_per_row = config.optics.mm_per_px_along / 1000
    if isinstance(config.position, LinesSection):
        return LinesPosition(m_per_row, start_m)
    return SpeedPosition(config.position.m_per_s, m_per_row, start_m)
