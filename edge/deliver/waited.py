"""How long an event has waited, by a clock that nobody sets.

UTC steps when a host's clock is set (37 s where a camera's TAI was taken for UTC), and the
monotonic clock begins anew with each boot. Their difference tells which boot a stamp belongs to:
it is within a second of one that this process has seen, or the stamp is from an earlier boot.
"""

from edge.clock import Clock, Stamp

SLEWED_NS = 1_000_000_000
"""A clock that is disciplined is slewed by less between two looks at it."""


class Waited:
    """Measures from stamps of the ledger to now. Owned by one thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._differences_ns = [_difference_ns(clock.now())]

    def since_s(self, then: Stamp) -> float:
        """Seconds; by UTC, and never below zero, where the stamp is from before this boot."""
        now = self._clock.now()
        if not self._seen(now):
            self._differences_ns.append(_difference_ns(now))
        if self._seen(then):
            return (now.monotonic_ns - then.monotonic_ns) / 1e9
        return max(0.0, (now.utc_ns - then.utc_ns) / 1e9)

    def _seen(self, stamp: Stamp) -> bool:
        difference_ns = _difference_ns(stamp)
        return any(abs(difference_ns - seen_ns) < SLEWED_NS for seen_ns in self._differences_ns)


def _difference_ns(stamp: Stamp) -> int:
    return stamp.utc_ns - stamp.monotonic_ns
