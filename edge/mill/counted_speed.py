"""The strip's speed by the mill's count of metres, told so that what is placed by it follows the
count: errors of the past are made up for until the next one, and none adds up.
"""

from collections.abc import Callable

from edge.mill.signals import FASTEST_BACK_M_PER_S, FASTEST_M_PER_S

LEAST_S, MOST_S = 0.02, 10.0
"""Two counts nearer to each other tell more of their digits than of the speed; from two further
apart nobody knows how the strip ran between them.
"""
CATCH_UP_S = 0.1
"""The least time in which an error is made up for."""


class CountedSpeed:
    """Owned by the thread that hears the mill.

    Args:
        tell: takes m/s, 0 or more, and the moment on the monotonic clock.
    """

    def __init__(self, tell: Callable[[float, int], None]) -> None:
        self._tell = tell
        self._newest: tuple[float, int] | None = None
        self._told_m_per_s: float | None = None
        self._ahead_m = 0.0

    def counted(self, position_m: float, at_ns: int) -> None:
        """The mill's count at a moment. One that no strip can have run to has begun anew."""
        if self._newest is None:
            self._newest = position_m, at_ns
            return
        before_m, before_ns = self._newest
        span_s, way_m = (at_ns - before_ns) / 1e9, position_m - before_m
        if span_s < LEAST_S:
            return
        self._newest = position_m, at_ns
        m_per_s = way_m / span_s
        if span_s > MOST_S or not -FASTEST_BACK_M_PER_S <= m_per_s <= FASTEST_M_PER_S:
            return
        # Strip that runs back counts as at rest, and again when it comes by a second time.
        if self._told_m_per_s is not None:
            self._ahead_m += self._told_m_per_s * span_s - way_m
        made_up = m_per_s - self._ahead_m / max(span_s, CATCH_UP_S)
        self._told_m_per_s = min(max(made_up, 0.0), FASTEST_M_PER_S)
        self._tell(self._told_m_per_s, at_ns)
