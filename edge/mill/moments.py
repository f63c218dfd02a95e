"""When and where something passed the reference, by what its message says of that."""

from edge.config import Mill
from edge.mill.doubts import Doubts
from edge.mill.heard import Heard
from edge.mill.row import Mark
from edge.mill.signals import Placed, PositionSignal, SpeedSignal

EARLY_NS, OLDEST_NS = 500_000_000, 600_000_000_000
"""The mill's time may be so far ahead of the arrival, or behind it, and be believed."""
POSITION_AGE_NS = 10_000_000_000
FARTHEST_M = 20_000.0
"""From where the mill's count stands to a head that it announces: more than any coil is long."""
REST_M_PER_S = 0.01


class Moments:
    """Owned by the thread that hears the mill."""

    def __init__(self, config: Mill, doubts: Doubts) -> None:
        self._config = config
        self._doubts = doubts
        self._count: tuple[float, int] | None = None
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
        self._count = signal.position_m, at_ns
        return at_ns

    def mark(self, heard: Heard, signal: Placed) -> Mark:
        """By the mill's count where the message names it, by time otherwise."""
        at_ns = self._moment(heard, signal)
        if signal.position_m is None:
            return Mark(at_ns)
        if self._count is None or heard.stamp.monotonic_ns - self._count[1] > POSITION_AGE_NS:
            self._doubts.say("no_position", "a position_m, but no position; its time holds")
            return Mark(at_ns)
        beyond_m = signal.position_m - self._count[0]
        if abs(beyond_m) > FARTHEST_M:
            self._doubts.say("no_position", f"a head {beyond_m:.0f} m away; its time holds")
            return Mark(at_ns)
        return Mark(self._count[1], beyond_m)

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
