"""The inspecting process's ear for the mill: a thread of its own, so that no frame waits for it."""

import threading

from edge.metrics import InspectMetrics
from edge.mill.signals import NAMES
from edge.mill.state import MillState
from edge.mill.tracker import MillCoils
from edge.mill.wire import SignalReceiver

POLL_S = 0.2
PAUSE_S = 0.002
"""Between two messages: a flood of them takes no more of this process than 500 a second do."""


class MillEar:
    """Hears until stopped. `run` is the body of the stage's thread and owns the receiver."""

    def __init__(
        self, receiver: SignalReceiver, coils: MillCoils, state: MillState, metrics: InspectMetrics
    ) -> None:
        self._receiver = receiver
        self._coils = coils
        self._state = state
        self._metrics = metrics

    def run(self, stop: threading.Event) -> None:
        """Take messages until `stop` is set."""
        try:
            while not stop.is_set():
                heard = self._receiver.take(POLL_S)
                if heard is None:
                    continue
                if heard.signal.signal in NAMES:
                    self._metrics.mill_signals.labels(heard.signal.signal).inc()
                self._state.hear(heard)
                self._coils.hear(heard)
                stop.wait(PAUSE_S)
        finally:
            self._receiver.close()
