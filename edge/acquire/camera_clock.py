"""A camera's own clock, mapped to the host's.

A camera stamps a frame when it is exposed, in a clock of its own: it started at its power-up or
follows PTP, and its crystal is up to 100 ppm off. The host sees the stamp when the frame has
arrived: late by readout, wire and scheduling, which varies, but never early. So host minus camera
has a floor, and the floor is the clock: the straight line below all pairs that comes nearest to
them (Moon, Skelly, Towsley, INFOCOM 1999). It is the edge of the lower hull over the pairs' mean.

Error: let each second's quickest pair be late by between `d` and `d + e`. Then the line at the
newest second of an evenly filled window is within `e` of the camera's clock plus `d`, since at the
mean it lies between 0 and `e` over it, and at either end at most `e`. Beyond the newest second the
bound grows with the distance from the mean: 2 e with ten seconds seen, 1.1 e with a minute's.

`d` itself cannot be seen in frames: it is their shortest way to the host. Where a camera can be
asked for its time, the answer's way is the shortest of all and `d` is a fraction of a millisecond.
"""

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from edge.clock import Stamp
from edge.types import CameraTime, Epoch

WINDOW_S = 60
SETTLE_S = 2
"""A camera that can be asked has been asked by then."""
DRIFT_FROM_S = 10
"""A shorter window cannot tell drift from luck, and 100 ppm of it are a millisecond."""
MAX_DRIFT = 500e-6
"""Five times what crystals are sold for; more is an accident."""
EARLY_NS = 100_000_000
"""A pair that is early by more is a clock that was set ahead."""
LATE_NS = 1_000_000_000
"""A second whose quickest pair is late by more is a clock that was set back; less may be a host
that stood still.
"""
TAI_S = 37.0
"""TAI is ahead of UTC by this since 2017, and no leap second is announced."""
EPOCH_NEAR_S = 0.5
"""How far a clock that was set by PTP may stand from this host's; one that was not is years off."""
_SECOND_NS = 1_000_000_000


class _Pair(NamedTuple):
    camera_ns: int
    host_ns: int


class _Line(NamedTuple):
    """Host minus camera, `base_ns` at the camera's `origin_ns` and rising by `slope`."""

    origin_ns: int
    base_ns: float
    slope: float

    def host_ns(self, camera_ns: int) -> int:
        return camera_ns + round(self.base_ns + self.slope * (camera_ns - self.origin_ns))

    def late_ns(self, pair: _Pair) -> int:
        return pair.host_ns - self.host_ns(pair.camera_ns)


class CameraClock:
    """Owned by one source and its thread; lives as long as the source, so that a camera that comes
    back with another time is noticed.
    """

    def __init__(self) -> None:
        self._seconds: deque[_Pair] = deque()
        self._quickest: _Pair | None = None
        self._line: _Line | None = None
        self._newest_ns: int | None = None
        self._resets = 0

    @property
    def settled(self) -> bool:
        """Whether it has been seen for some seconds since its start, or since it was set. The first
        stamps are late by the whole way and then jump, and strip that is placed by them with them.
        """
        return len(self._seconds) >= SETTLE_S

    def exposed(self, camera_ns: int, grabbed: Stamp) -> Stamp:
        """When a frame that arrived just now was exposed, by its stamp; never after its arrival."""
        if self._newest_ns is not None and camera_ns < self._newest_ns:
            self._restart()
        self._newest_ns = camera_ns
        pair = _Pair(camera_ns, grabbed.monotonic_ns)
        way_ns = max(0, self._observe(pair).late_ns(pair))
        return Stamp(grabbed.monotonic_ns - way_ns, grabbed.utc_ns - way_ns)

    def asked(self, camera_ns: int, answered: Stamp) -> None:
        """The camera was asked for its time, and this is when the answer was here."""
        self._observe(_Pair(camera_ns, answered.monotonic_ns))

    def state(self, now: Stamp) -> CameraTime | None:
        """How it stands; None before the first whole second."""
        if self._line is None or not self._seconds:
            return None
        newest = self._seconds[-1]
        utc_ns = self._line.host_ns(newest.camera_ns) + now.utc_ns - now.monotonic_ns
        offset_s = (newest.camera_ns - utc_ns) / 1e9
        epoch = _epoch(offset_s)
        spread_ns = max(self._line.late_ns(pair) for pair in self._seconds)
        return CameraTime(
            offset_s - (TAI_S if epoch == "tai" else 0.0),
            -self._line.slope,
            max(0, spread_ns) / 1e9,
            epoch,
            self._resets,
        )

    def _observe(self, pair: _Pair) -> _Line:
        if self._line is not None and self._line.late_ns(pair) < -EARLY_NS:
            self._restart()
        if self._quickest is not None and _second(pair) != _second(self._quickest):
            self._finish_second(self._quickest, pair.host_ns)
        line = self._line or _floor([pair])
        if self._quickest is None or line.late_ns(pair) < line.late_ns(self._quickest):
            self._quickest = pair
            if not self._seconds:
                line = _floor([pair])
        self._line = line
        return line

    def _finish_second(self, quickest: _Pair, now_ns: int) -> None:
        self._quickest = None
        if self._seconds and self._line is not None and self._line.late_ns(quickest) > LATE_NS:
            self._restart()
        self._seconds.append(quickest)
        while now_ns - self._seconds[0].host_ns > WINDOW_S * _SECOND_NS:
            self._seconds.popleft()
            if not self._seconds:
                self._line = None
                return
        self._line = _floor(self._seconds)

    def _restart(self) -> None:
        self._resets += 1
        self._seconds.clear()
        self._quickest = self._line = None


def _second(pair: _Pair) -> int:
    return pair.host_ns // _SECOND_NS


def _epoch(offset_s: float) -> Epoch:
    if abs(offset_s) < EPOCH_NEAR_S:
        return "utc"
    return "tai" if abs(offset_s - TAI_S) < EPOCH_NEAR_S else "free_running"


def _floor(pairs: Sequence[_Pair]) -> _Line:
    """The straight line below all pairs that is nearest to them."""
    origin_ns = pairs[0].camera_ns
    away_ns = pairs[0].host_ns - origin_ns
    points = sorted((p.camera_ns - origin_ns, p.host_ns - p.camera_ns - away_ns) for p in pairs)
    slope = 0.0
    if points[-1][0] >= DRIFT_FROM_S * _SECOND_NS:
        slope = min(MAX_DRIFT, max(-MAX_DRIFT, _slope_at_mean(points)))
    return _Line(origin_ns, away_ns + min(y - slope * x for x, y in points), slope)


def _slope_at_mean(points: list[tuple[int, int]]) -> float:
    hull: list[tuple[int, int]] = []
    for point in points:
        while len(hull) > 1 and _turns_down(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    mean = sum(x for x, _ in points) / len(points)
    for (x, y), (next_x, next_y) in pairwise(hull):
        if x <= mean <= next_x and next_x > x:
            return (next_y - y) / (next_x - x)
    return 0.0


def _turns_down(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> bool:
    """Whether `b` lies on or over the way from `a` to `c`."""
    return (b[0] - a[0]) * (c[1] - a[1]) <= (b[1] - a[1]) * (c[0] - a[0])
