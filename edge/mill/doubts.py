"""Messages that were understood and could not be taken at their word: counted, and said once."""

import logging
from typing import Literal, get_args

from edge.clock import Clock
from edge.metrics import InspectMetrics

Doubt = Literal[
    "repeated", "replaced", "bounced", "out_of_order", "late", "passed", "too_many", "no_coil",
    "unknown_coil", "no_position", "clock",
]  # fmt: skip
SILENCE_NS = 1_000_000_000
_log = logging.getLogger(__name__)


class Doubts:
    """Not for several threads: its owner locks."""

    def __init__(self, metrics: InspectMetrics, clock: Clock) -> None:
        self._counter = metrics.mill_doubts
        self._clock = clock
        self._said_ns: dict[Doubt, int] = {}
        for doubt in get_args(Doubt):
            self._counter.labels(doubt)

    def say(self, doubt: Doubt, text: str) -> None:
        """Count, and log unless the same was logged within a second."""
        self._counter.labels(doubt).inc()
        now_ns = self._clock.now().monotonic_ns
        if now_ns - self._said_ns.get(doubt, now_ns - SILENCE_NS) >= SILENCE_NS:
            self._said_ns[doubt] = now_ns
            _log.warning("the mill: %s (%s)", text, doubt)
