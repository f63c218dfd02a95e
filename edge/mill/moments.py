"""When and where something passed the reference, by what its message says of that."""

from collections import deque

from edge.config import Mill
from edge.mill.doubts import Doubts
from edge.mill.heard import Heard
from edge.mill.row import Mark
from edge.mill.signals import (
    FASTEST_BACK_M_PER_S,
    FASTEST_M_PER_S,
    Placed,
    PositionSignal,
    SpeedSignal,
)

EARLY_NS, OLDEST_NS = 500_000_000, 600_000_000_000
"""The mill's time may be so far ahead of the arrival, or behind it, and be believed."""
POSITION_AGE_NS = 10_000_000_000
FARTHEST_M = 20_000.0
"""From where the mill's count stands to a head that it announces: more than any coil is long."""
BEHIND_M, BEHIND_NS = 5.0, 3_000_000_000
"""By its count the mill tells a head after so much strip at most, or what ran in that time."""
KEPT = 256
"""Counts."""
REST_M_PER_S = 0.01


class Moments:
    """Owned by the thread that hears the mill."""

    def __init__(self, config: Mill, doubts: Doubts) -> None:
        self._config = config
        self._doubts = doubts
        self._counts: deque[tuple[float, int]] = deque(maxlen=KEPT)
        self._rests_since_ns: int | None = None

    def spoke(self, heard: Heard, signal: SpeedSignal) -> None:
        """The mill's speed, which says when the strip stands still."""
        if abs(signal.m_per_s) > REST_M_PER_S:
            self._rests_since_ns = None
        elif self._rests_since_ns is None:
            self._rests_since_ns = heard.stamp.monotonic_ns

    def ran_ns(self, one: Mark, other: Mark) -> int:
        """For how long the strip ran from one moment to the other."""
        first_ns, last_ns = sorted((one.at_ns, other.at_ns))
        if self._rests_since_ns is not None:
            last_ns = min(last_ns, self._rests_since_ns)
        return max(0, last_ns - first_ns)

    def counted(self, heard: Heard, signal: PositionSignal) -> int:
        """The mill's count of metres; returns the moment of it."""
        at_ns = self._moment(heard, signal)
        if self._counts and not _can_run(self._counts[-1], (signal.position_m, at_ns)):
            self._counts.clear()
        self._counts.append((signal.position_m, at_ns))
        while len(self._counts) > 2 and at_ns - self._counts[1][1] >= BEHIND_NS:
            self._counts.popleft()
        return at_ns

    def mark(self, heard: Heard, signal: Placed) -> Mark:
        """By the mill's count where the message names it, by time otherwise."""
        at_ns = self._moment(heard, signal)
        if signal.position_m is None:
            return Mark(at_ns)
        count_m, count_ns = self._counts[-1] if self._counts else (0.0, None)
        if count_ns is None or heard.stamp.monotonic_ns - count_ns > POSITION_AGE_NS:
            self._doubts.say("no_position", "a position_m, but no position; its time holds")
            return Mark(at_ns)
        beyond_m, ran_m = signal.position_m - count_m, count_m - self._counts[0][0]
        if not -max(BEHIND_M, ran_m) <= beyond_m <= FARTHEST_M:
            self._doubts.say("no_position", f"a head {beyond_m:.0f} m away; its time holds")
            return Mark(at_ns)
        return Mark(count_ns, beyond_m)

    def _moment(self, heard: Heard, signal: Placed | PositionSignal) -> int:
        """On the monotonic clock; as it arrived where the mill's time cannot be used."""
        arrived = heard.stamp
        if signal.time is None or not self._config.synchronised:
            return arrived.monotonic_ns
        behind_ns = arrived.utc_ns - round(signal.time.timestamp() * 1e9)
        if not -EARLY_NS <= behind_ns <= OLDEST_NS:
            self._doubts.say("clock", f"{signal.time}: {behind_ns / 1e9:.1f} s before it came")
            return arrived.monotonic_ns
        return arrived.monotonic_ns - behind_ns


def _can_run(before: tuple[float, int], now: tuple[float, int]) -> bool:
    """Whether strip can have run from one count to the next; else it was set anew."""
    way_m, span_s = now[0] - before[0], max(0.0, (now[1] - before[1]) / 1e9)
    least_m, most_m = -FASTEST_BACK_M_PER_S * span_s, FASTEST_M_PER_S * span_s
    return least_m - BEHIND_M <= way_m <= most_m + BEHIND_M  # some come in a burst
