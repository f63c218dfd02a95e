"""No encoder: the strip's speed is known, and a block ends where the strip was at its stamp.

A stamp of the exposure is taken as it is. A host's stamp may be late, by 0.1 ms or once by 25 ms,
but never early: strip is believed to be further only when every stamp of a while says so (the
lower envelope of the stamps), and not to be as far as soon as one says so. ADR 14 has the bounds.
"""

from collections import deque

from edge.ports import Speed, SpeedSignal
from edge.types import Block, Placed, RowMap

SETTLE_S = 0.5
SETTLE_BLOCKS = 5
"""A block is moved forward when the host's stamps of so long, and of so many blocks, all ask for
it: of a host that is late by 5 ms on average the least of 30 stamps is late by 0.2 ms. Both, since
what is long for a quick camera is one frame of a slow one.
"""
BURST_SHARE = 0.1
"""Blocks taken within this share of a block's time wait together for a host that was late: they are
one stamp, the earliest.
"""
HOST_S, EXPOSURE_S = 1e-3, 1e-4
"""A block joins the one before where the stamps ask for less than this time's travel: so even the
quickest hand-offs of a busy host (0.1 ms idle), or a mapped camera clock, may scatter.
"""
LEAST_PITCH = 1e-3
"""Share of the nominal pitch that rows keep while the strip is at rest, so that they have order."""


class SteadySpeed:
    """The speed that the config states."""

    def __init__(self, m_per_s: float) -> None:
        self._speed = Speed(m_per_s, 0.0)

    def newest(self, at_ns: int) -> Speed:
        """It never ages."""
        del at_ns
        return self._speed


class SpeedFeed:
    """The newest speed that somebody told; at first none ever was. Told by one thread, asked by
    any.
    """

    def __init__(self) -> None:
        self._told: tuple[float, int] | None = None

    def tell(self, m_per_s: float, at_ns: int) -> None:
        """The strip runs so fast at that moment of the monotonic clock."""
        self._told = m_per_s, at_ns

    def newest(self, at_ns: int) -> Speed:
        """Infinitely old while nobody has told one."""
        told = self._told
        if told is None:
            return Speed(0.0, float("inf"))
        return Speed(told[0], max(0, at_ns - told[1]) / 1e9)


class SpeedPosition:
    """Blocks placed by stamps, the first of them (or the lost ones before it) at `start_m`.

    Args:
        speed: the strip's; between two blocks it changes evenly. A strip that runs backwards
            cannot be told by its pictures: it counts as at rest.
        m_per_row: the optics' pitch.
        pitch_at_m_per_s: the speed at which lines on the camera's own clock have that pitch; None:
            they have it at any speed.
        start_m: where the count begins.
        max_age_s: an older speed is still used, but the place counts as a guess.
    """

    def __init__(
        self,
        speed: SpeedSignal,
        m_per_row: float,
        start_m: float = 0.0,
        *,
        pitch_at_m_per_s: float | None = None,
        max_age_s: float = float("inf"),
    ) -> None:
        self._speed = speed
        self._m_per_row = m_per_row
        self._end_m = start_m
        self._pitch_at_m_per_s = pitch_at_m_per_s
        self._max_age_s = max_age_s
        self._before: tuple[Block, float] | None = None
        self._stray = _Stray()

    def advance(self, block: Block) -> Placed:
        """The block that ends where the strip was at its stamp, or joined to the one before."""
        now = self._speed.newest((block.exposed or block.grabbed).monotonic_ns)
        m_per_s = max(0.0, now.m_per_s)
        before, self._before = self._before, (block, m_per_s)
        mean = m_per_s if before is None else (m_per_s + before[1]) / 2
        pitch_m = self._pitch_m(mean)
        way_m = (block.lost + 1) * block.rows * pitch_m
        self._end_m += way_m
        if before is not None:
            self._end_m += self._move_m(before[0], block, way_m, pitch_m, mean)
        first_m = self._end_m - block.rows * pitch_m
        rows = RowMap(first_m, pitch_m, block.rows)
        return Placed(rows, known=now.age_s <= self._max_age_s)

    def _pitch_m(self, m_per_s: float) -> float:
        if self._pitch_at_m_per_s is None:
            return self._m_per_row
        return self._m_per_row * max(LEAST_PITCH, m_per_s / self._pitch_at_m_per_s)

    def _move_m(
        self, before: Block, block: Block, way_m: float, pitch_m: float, m_per_s: float
    ) -> float:
        """How far the block lies from where `way_m` after the one before would put it."""
        stamps = before.grabbed, block.grabbed
        if before.exposed and block.exposed:
            stamps = before.exposed, block.exposed
        travel_m = (stamps[1].monotonic_ns - stamps[0].monotonic_ns) / 1e9 * m_per_s
        if block.away:
            return self._stray.anew(travel_m - way_m)
        if (before.exposed is None) != (block.exposed is None):
            # What the link takes lies between the two kinds of stamps: they do not compare.
            self._stray = _Stray()
            return 0.0
        if block.exposed:
            return self._stray.exact(travel_m - way_m, max(pitch_m, EXPOSURE_S * m_per_s))
        now_ns = block.grabbed.monotonic_ns
        if travel_m < BURST_SHARE * way_m:
            self._stray.forget_newest()
        return self._stray.late(travel_m - way_m, max(pitch_m, HOST_S * m_per_s), now_ns)


class _Stray:
    """How far the stamps say that the strip is beyond the last block's place, block by block."""

    def __init__(self) -> None:
        self._m = 0.0
        self._newest: deque[tuple[int, float]] = deque()
        self._anchored = False

    def anew(self, change_m: float) -> float:
        """Take the stamp at its word; a later one may still prove it late."""
        self._m, self._anchored = 0.0, True
        self._newest.clear()
        return change_m

    def exact(self, change_m: float, joined_m: float) -> float:
        """The move that a stamp without jitter asks for."""
        self._m += change_m
        return self._moved(self._m if abs(self._m) > joined_m else 0.0)

    def late(self, change_m: float, joined_m: float, now_ns: int) -> float:
        """The move that the stamps agree on; until they have settled for the first time, one that
        is earlier proves the first block's late, and shifts nothing.
        """
        self._m += change_m
        if not self._anchored and self._m < 0:
            self._moved(self._m)
        least_m = self._least_m(now_ns)
        return self._moved(least_m if abs(least_m) > joined_m else 0.0)

    def forget_newest(self) -> None:
        """The stamp to come is of the same burst, and earlier for its block."""
        if self._newest:
            self._newest.pop()

    def _least_m(self, now_ns: int) -> float:
        newest, since_ns = self._newest, now_ns - round(SETTLE_S * 1e9)
        newest.append((now_ns, self._m))
        while len(newest) > SETTLE_BLOCKS and newest[1][0] <= since_ns:
            newest.popleft()
        settled = len(newest) >= SETTLE_BLOCKS and newest[0][0] <= since_ns
        self._anchored = self._anchored or settled
        return min(stray_m for _, stray_m in newest) if settled else min(0.0, self._m)

    def _moved(self, by_m: float) -> float:
        """Count from the new place on."""
        self._m -= by_m
        if by_m:
            self._newest = deque((ns, stray_m - by_m) for ns, stray_m in self._newest)
        return by_m
