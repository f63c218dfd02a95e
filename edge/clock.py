"""The one place that reads the clock, so that tests can bring their own."""

import time
from datetime import UTC, datetime
from typing import NamedTuple, Protocol


class Stamp(NamedTuple):
    """A moment on the host's monotonic clock and in UTC (nanoseconds)."""

    monotonic_ns: int
    utc_ns: int

    def utc(self) -> datetime:
        """The moment as an aware datetime, to the microsecond."""
        return datetime.fromtimestamp(self.utc_ns // 1000 / 1e6, UTC)


class Clock(Protocol):
    """Time as the daemon sees it."""

    def now(self) -> Stamp:
        """This moment."""
        ...

    def sleep_until(self, monotonic_ns: int) -> None:
        """Return at that moment of the monotonic clock, at once if it has passed."""
        ...


class SystemClock:
    """The host's clocks."""

    def now(self) -> Stamp:
        """This moment."""
        return Stamp(time.monotonic_ns(), time.time_ns())

    def sleep_until(self, monotonic_ns: int) -> None:
        """Sleep up to a moment of the monotonic clock."""
        rest_ns = monotonic_ns - time.monotonic_ns()
        if rest_ns > 0:
            time.sleep(rest_ns / 1e9)
