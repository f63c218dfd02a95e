"""One receiver's way: ledger -> receiver -> cursor, in a thread of its own.

A thread per receiver, because a receiver may hang where nobody can interrupt it (name resolution, a
TLS handshake), and then only its own lane may stand still.

The cursor in memory moves with the acknowledgements, the one on disk follows as soon as it can be
written: a full disk must not hold up what the mill is to learn, nor repeat it again and again.
"""

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from random import SystemRandom

from edge.clock import Clock
from edge.deliver.cursors import Cursors
from edge.errors import LedgerError, ReceiverError, StripSightError
from edge.ledger.reader import EventReader
from edge.metrics import CourierMetrics
from edge.ports import Receiver
from edge.types import Recorded

BATCH = 512
IDLE_S = 1.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 5.0
_log = logging.getLogger(__name__)


class Lane:
    """Delivers to one receiver until stopped. `run` belongs to one thread, `wake` to any.

    Args:
        receiver: Owned by the lane from here on, closed by it.
        ledger: Folder of the event log; may not be there yet.
        cursors: Shared by all lanes.
        metrics: The courier's.
        clock: For the time that draining may take.
        stop: Ends the lane when what is in the ledger has been delivered.
        drain_s: How long that may take.
    """

    def __init__(
        self,
        receiver: Receiver,
        ledger: Path,
        cursors: Cursors,
        metrics: CourierMetrics,
        clock: Clock,
        stop: threading.Event,
        drain_s: float,
    ) -> None:
        self.name = receiver.name
        self._receiver = receiver
        self._ledger = ledger
        self._cursors = cursors
        self._metrics = metrics
        self._clock = clock
        self._stop = stop
        self._drain_ns = int(drain_s * 1e9)
        self._wake = threading.Event()
        self._reader: EventReader | None = None
        self._pause_s = 0.0
        self._cursor = self._saved = 0
        self._unsaved = False
        self.trouble: str | None = None
        """Why nothing is delivered now."""
        metrics.delivered.labels(self.name)
        metrics.failures.labels(self.name)

    def wake(self) -> None:
        """There may be something new."""
        self._wake.set()

    def run(self) -> None:
        """Deliver until stopped, then drain and close the receiver."""
        self._cursor = self._saved = self._cursors.load(self.name)
        try:
            while not self._stop.is_set():
                self._try()
            self._drain()
        finally:
            self._receiver.close()
            if self._reader is not None:
                self._reader.close()

    def _drain(self) -> None:
        end_ns = self._clock.now().monotonic_ns + self._drain_ns
        before = -1
        while self.trouble is None and before != self._cursor:
            before = self._cursor
            self._try()
            if self._clock.now().monotonic_ns > end_ns:
                _log.warning(
                    "%s: stopped with events left; they follow at the next start", self.name
                )
                return

    def _try(self) -> None:
        """One step; a failure is told when it is a new one, and followed by a pause with jitter."""
        try:
            self._step()
        except StripSightError as error:
            self._metrics.failures.labels(self.name).inc()
            if str(error) != self.trouble:
                _log.warning("%s", error)
            self.trouble = str(error)
            self._pause_s = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, 2 * self._pause_s))
            # Jitter: many lines that lost one broker must not come back in step.
            self._stop.wait(self._pause_s * SystemRandom().uniform(0.5, 1.0))
            return
        if self.trouble is not None:
            _log.info("%s: delivers again", self.name)
        self.trouble, self._pause_s = None, 0.0

    def _step(self) -> None:
        """Deliver what there is; wait for more when there is nothing."""
        self._wake.clear()
        reader = self._reader = self._reader or EventReader(self._ledger)
        batch = reader.after(self._cursor, BATCH)
        try:
            self._deliver(batch)
        finally:  # the lag matters most while delivery fails
            newest = reader.last_seq()
            self._metrics.ledger_lag.labels(self.name).set(max(0, newest - self._cursor))
        if newest < self._cursor:
            _log.warning("%s: the event log begins anew; so does delivery", self.name)
            self._cursor = 0
        self._save()
        if newest == self._cursor and not self._stop.is_set():
            self._wake.wait(IDLE_S)

    def _deliver(self, batch: Sequence[Recorded]) -> None:
        """Move the cursor over what the receiver acknowledges."""
        acknowledged = self._receiver.deliver(batch)
        if batch and acknowledged > (last := batch[-1].event.seq):
            raise ReceiverError(
                f"{self.name}: acknowledges event {acknowledged}, and was sent {last} and those"
                " before; all of them are sent again, check the receiver"
            )
        if batch and acknowledged > self._cursor:
            self._cursor = acknowledged
            count = sum(recorded.event.seq <= acknowledged for recorded in batch)
            self._metrics.delivered.labels(self.name).inc(count)

    def _save(self) -> None:
        """What cannot be saved holds up nothing: the next step tries again."""
        if self._cursor == self._saved:
            return
        try:
            self._cursors.save(self.name, self._cursor)
        except LedgerError as error:
            if not self._unsaved:
                _log.warning("%s: its cursor is saved later (%s)", self.name, error)
            self._unsaved = True
        else:
            self._saved, self._unsaved = self._cursor, False
