"""The writing thread: one commit after the other into the event log, however long the disk takes.

While the log cannot be written nothing is thrown away: the commit in hand is tried again, the event
buffer fills, inspection waits, and the frames that find no room meanwhile are lost by name
(`lost(buffer_overflow)`) and recorded as soon as there is room.
"""

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from contract.events import Event
from edge.buffer import BoundedBuffer, ClosedError
from edge.clock import Clock
from edge.errors import LedgerError
from edge.metrics import InspectMetrics
from edge.types import Commit

log = logging.getLogger(__name__)

RETRY_S = 1.0
PATIENCE_AT_STOP = 5


class Log(Protocol):
    """What the writer needs of the event log."""

    def commit(self, commit: Commit) -> list[Event]:
        """Write one commit, synced."""
        ...


class LedgerWriter:
    """Drains the event buffer into the log. `run` belongs to one thread."""

    def __init__(
        self,
        event_log: Log,
        commits: BoundedBuffer[Commit, Commit],
        metrics: InspectMetrics,
        clock: Clock,
        wait: Callable[[float], bool],
    ) -> None:
        """`wait(seconds)` pauses between two tries; True says that the daemon is stopping."""
        self._log = event_log
        self._commits = commits
        self._metrics = metrics
        self._clock = clock
        self._wait = wait
        self.failing = threading.Event()
        """Set while the log cannot be written."""

    def put(self, commit: Commit) -> None:
        """Have something written that concerns no frame; from any thread, waits for room."""
        self._commits.put(commit)

    def has_room(self, timeout_s: float) -> bool:
        """Whether `put` would not have to wait, for so long at least."""
        return self._commits.wait_for_room(timeout_s)

    def run(self) -> None:
        """Write until the buffer is closed and empty.

        Raises:
            LedgerError: the daemon stops, and the log still cannot be written.
        """
        while True:
            try:
                taken = self._commits.get()
            except ClosedError:
                return
            if taken is not None:
                self._write(taken.item)
                self._metrics.buffer_depth.labels("events").set(len(self._commits))

    def _write(self, commit: Commit) -> None:
        patience = PATIENCE_AT_STOP
        while True:
            try:
                with self._metrics.stage_seconds.labels("commit").time():
                    events = self._log.commit(commit)
                break
            except LedgerError as error:
                self._report(error)
                patience -= self._wait(RETRY_S)
                if patience == 0:
                    raise
        self.failing.clear()
        commit.written.set()
        if commit.watermark is not None:
            waited_ns = self._clock.now().monotonic_ns - commit.grabbed.monotonic_ns
            self._metrics.grabbed_to_committed.observe(waited_ns / 1e9)
        if events:
            self._metrics.ledger_seq.set(events[-1].seq)

    def _report(self, error: LedgerError) -> None:
        self._metrics.ledger_errors.inc()
        if not self.failing.is_set():
            log.error("%s; inspection waits until it can be written", error)
        self.failing.set()
