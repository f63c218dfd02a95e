"""One batch of events on its way to a broker: in order, a bounded number unacknowledged.

The next event leaves where an acknowledgement comes in, in the client's network thread: handing
each over to the lane's thread and back made a third of an event's cost, and most of its waiting.

No thread waits for the other's lock. The client calls back while it holds locks of its own, which
sending takes too; so a call that finds the flight in use leaves what it brought and goes, and
whoever uses it looks again before it ends.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence

from edge.errors import ReceiverError
from edge.types import Recorded

Send = Callable[[Recorded], int]
"""Hand an event to the client; returns the id that its acknowledgement will bear."""
Settle = Callable[[Recorded, int], None]
"""An event was acknowledged with this reason code. Raises ReceiverError where that is a refusal."""


class Flight:
    """`start` and `wait` belong to the lane's thread, `acknowledge` to any.

    Args:
        events: in order.
        window: most events sent and not acknowledged.
        alone: the first one is acknowledged before others are sent. A broker may close the
            connection of a client that it refuses an event; what it had not read by then would
            make TCP drop its answer, too.
    """

    def __init__(
        self,
        events: Sequence[Recorded],
        window: int,
        send: Send,
        settle: Settle,
        *,
        alone: bool = False,
    ) -> None:
        self._rest = deque(events)
        self._sent: dict[int, Recorded] = {}  # by message id, in order
        self._window = 1 if alone else window
        self._whole_window = window
        self._send = send
        self._settle = settle
        self._heard: deque[tuple[int, int]] = deque()
        self._reasons: dict[int, int] = {}
        self._using = threading.Lock()
        self._over = threading.Event()
        self._error: ReceiverError | None = None
        self.acknowledged = 0
        """The `seq` before which nothing is unacknowledged; 0: none of these."""

    def start(self) -> None:
        """Send what the window holds."""
        self._advance()

    def acknowledge(self, mid: int, reason: int) -> None:
        """An acknowledgement came in, of whatever message; what is none of these is passed over."""
        self._heard.append((mid, reason))
        self._advance(only_heard=True)

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end; False when the time was up.

        Raises:
            ReceiverError: an event could not be sent or was refused.
        """
        over = self._over.wait(timeout_s)
        if self._error is not None:
            raise self._error
        return over

    def _advance(self, *, only_heard: bool = False) -> None:
        while (self._heard or not only_heard) and self._using.acquire(blocking=False):
            only_heard = True
            try:
                self._take()
            except ReceiverError as error:
                self._error = error
                self._rest.clear()
                self._over.set()
            finally:
                self._using.release()

    def _take(self) -> None:
        while self._heard:
            mid, reason = self._heard.popleft()
            if mid in self._sent:
                self._reasons[mid] = reason
        if self._error is not None:
            return
        while self._sent and (mid := next(iter(self._sent))) in self._reasons:
            recorded = self._sent.pop(mid)
            self._settle(recorded, self._reasons.pop(mid))
            self.acknowledged = recorded.event.seq
            self._window = self._whole_window
        while self._rest and len(self._sent) < self._window:
            recorded = self._rest.popleft()
            self._sent[self._send(recorded)] = recorded
        if not self._rest and not self._sent:
            self._over.set()
