"""Whether the mill still speaks: what the status, the metrics and `degraded` say of it."""

import math
import threading
from collections.abc import Callable
from typing import Literal

from edge.clock import Clock
from edge.config import Mill
from edge.metrics import InspectMetrics
from edge.mill.heard import Heard, LinkSignal
from edge.mill.signals import NAMES

AWAY_AFTER_S = 3.0
"""An adapter tells each second that it is connected."""
State = Literal["fine", "stale", "missing"]


class MillState:
    """Told by the thread that hears the mill, asked by any.

    missing  a source is not connected, or the courier is away
    stale    connected, but a signal of `mill.max_age_s` is older than that
    """

    def __init__(self, config: Mill, metrics: InspectMetrics, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._lock = threading.Lock()
        self._links: dict[str, tuple[LinkSignal, int]] = {}
        self._heard_ns: dict[str, int] = {}
        for name in NAMES:
            metrics.mill_signals.labels(name)
            metrics.mill_signal_age.labels(name).set_function(self._asked(name))
        for state in ("fine", "stale", "missing"):
            metrics.mill_state.labels(state).set_function(self._is(state))

    def hear(self, heard: Heard) -> None:
        """Somebody spoke. What was retained is no sign of life."""
        at_ns = heard.stamp.monotonic_ns
        with self._lock:
            if isinstance(heard.signal, LinkSignal):
                self._links[heard.source] = heard.signal, at_ns
            elif not heard.retained:
                self._heard_ns[heard.signal.signal] = at_ns

    @property
    def state(self) -> State:
        """The worst that holds."""
        if self._missing():
            return "missing"
        return "stale" if self._stale() else "fine"

    def troubles(self) -> list[str]:
        """For people; empty while all is fine."""
        return [*self._missing(), *self._stale()]

    def age_s(self, signal: str) -> float:
        """Since it was heard last; NaN where it never was."""
        heard_ns = self._heard_ns.get(signal)
        if heard_ns is None:
            return float("nan")
        return max(0.0, (self._clock.now().monotonic_ns - heard_ns) / 1e9)

    def _missing(self) -> list[str]:
        now_ns = self._clock.now().monotonic_ns
        with self._lock:
            links = dict(self._links)
        found = []
        for source in self._config.sources:
            link, at_ns = links.get(source, (LinkSignal(up=False, why="not heard of"), now_ns))
            why = link.why
            if (now_ns - at_ns) / 1e9 > AWAY_AFTER_S:
                why = "the courier is silent"
            elif link.up:
                continue
            found.append(f"the mill's signals are missing: {source}: {why}")
        return found

    def _stale(self) -> list[str]:
        found = []
        for signal, most_s in self._config.max_age_s.items():
            age_s = self.age_s(signal)
            if not age_s <= most_s:
                never = math.isnan(age_s)
                aged = "never heard since the start" if never else f"{age_s:.3g} s old"
                found.append(f"the mill's {signal} is stale: {aged}")
        return found

    def _asked(self, signal: str) -> Callable[[], float]:
        return lambda: self.age_s(signal)

    def _is(self, state: str) -> Callable[[], float]:
        return lambda: float(self.state == state)
