"""When a source that stands for a camera exposes its frames.

`OpenLoop` is a camera: frames are exposed on schedule whether anybody reads or not, and a reader
that comes late finds the newest one; those before it are lost. A closed loop, which waits for its
reader, would hide every overload.
"""

from typing import NamedTuple, Protocol

from edge.clock import Clock, Stamp
from edge.errors import SourceEndedError, SourceTimeoutError

OVERRUN = "camera_overrun"


class Due(NamedTuple):
    """The frame to deliver now: its number since the start, and how many before it were missed."""

    number: int
    missed: int
    exposed: Stamp | None
    grabbed: Stamp


class Pace(Protocol):
    """Tells which frame is next."""

    def start(self) -> None:
        """The camera starts; numbers begin at 0."""
        ...

    def take(self, timeout_s: float) -> Due:
        """Wait for the next frame.

        Raises:
            SourceTimeoutError: it is due later than `timeout_s` from now.
            SourceEndedError: there are no more.
        """
        ...


class OpenLoop:
    """Frame `k` is exposed, and at the same moment grabbed, `k / frames_per_s` after the start.

    Both stamps are the scheduled moment and not the reader's arrival, so that a latency counted
    from them contains the reader's own lateness.
    """

    def __init__(self, frames_per_s: float, frames: int | None, clock: Clock) -> None:
        self._period_ns = max(1, round(1e9 / frames_per_s))
        self._frames = frames
        self._clock = clock
        self._start_ns = 0
        self._next = 0

    def start(self) -> None:
        """The first frame is exposed now."""
        self._start_ns = self._clock.now().monotonic_ns
        self._next = 0

    def take(self, timeout_s: float) -> Due:
        """The newest frame that was exposed, or the next one to be."""
        if self._frames is not None and self._next >= self._frames:
            raise SourceEndedError(f"all {self._frames} frames were offered")
        now_ns = self._clock.now().monotonic_ns
        index = max(self._next, (now_ns - self._start_ns) // self._period_ns)
        if self._frames is not None:
            index = min(index, self._frames - 1)
        due_ns = self._start_ns + index * self._period_ns
        self._wait(now_ns, due_ns, timeout_s)
        missed, self._next = index - self._next, index + 1
        now = self._clock.now()
        stamp = Stamp(due_ns, now.utc_ns - (now.monotonic_ns - due_ns))
        return Due(index, missed, stamp, stamp)

    def _wait(self, now_ns: int, due_ns: int, timeout_s: float) -> None:
        latest_ns = now_ns + round(timeout_s * 1e9)
        self._clock.sleep_until(min(due_ns, latest_ns))
        if due_ns > latest_ns:
            raise SourceTimeoutError(f"no frame is due within {timeout_s:g} s")


class AsRead:
    """No clock: a frame is there whenever it is asked for, and none is missed."""

    def __init__(self, frames: int | None, clock: Clock) -> None:
        self._frames = frames
        self._clock = clock
        self._next = 0

    def start(self) -> None:
        """Begin at frame 0."""
        self._next = 0

    def take(self, timeout_s: float) -> Due:
        """The next frame, at once."""
        del timeout_s
        if self._frames is not None and self._next >= self._frames:
            raise SourceEndedError(f"all {self._frames} frames were read")
        index, self._next = self._next, self._next + 1
        return Due(index, 0, None, self._clock.now())


def make_pace(frames_per_s: float | None, frames: int | None, clock: Clock) -> Pace:
    """Open loop at a rate, or as read; `frames` is the number there is, null for no end."""
    if frames_per_s is None:
        return AsRead(frames, clock)
    return OpenLoop(frames_per_s, frames, clock)
