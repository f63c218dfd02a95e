"""The recording thread: what a run sees and says, onto the disk beside the inspection.

Nobody ever waits for it. When the disk is too slow or full, records are dropped, and the next one
that is written says how many are missing before it.
"""

import contextlib
import logging

from edge.buffer import BoundedBuffer, ClosedError, WhenFull
from edge.clock import Clock
from edge.metrics import InspectMetrics
from edge.record.records import Ended, Record, pixels_of, to_words
from edge.record.ring import Ring

log = logging.getLogger(__name__)

BUFFER = "recording"
WAITING = 128
"""Records: two a frame, so two seconds of frames at 28 a second, 260 MB at 4 MB each."""
PAUSE_NS = 1_000_000_000
"""After a write that failed: each try begins a file and looks through the folder."""


def _count(dropped: list[int], record: Record) -> None:
    del record
    dropped[:] = [sum(dropped) + 1]


class Recorder:
    """`put` and `close` from any thread; `run` is the body of the recording thread."""

    def __init__(self, ring: Ring, metrics: InspectMetrics, clock: Clock) -> None:
        self._ring = ring
        self._metrics = metrics
        self._clock = clock
        self._waiting: BoundedBuffer[Record, int] = BoundedBuffer(
            WAITING, WhenFull.DROP_OLDEST, _count
        )
        self._lost = 0
        self._again_ns = 0
        self.failing = False
        """Whether the newest record could not be written; read by other threads."""
        metrics.buffer_capacity.labels(BUFFER).set(WAITING)
        metrics.buffer_drops.labels(BUFFER)

    def put(self, record: Record) -> None:
        """Have a record written; without effect once the recorder is closed."""
        with contextlib.suppress(ClosedError):
            if self._waiting.put(record):
                self._metrics.buffer_drops.labels(BUFFER).inc()

    def close(self, *, clean: bool) -> None:
        """No more records; those that wait are still written. `clean`: the run has said all."""
        if clean:
            self.put(Ended())
        self._waiting.close()

    def run(self) -> None:
        """Write until closed and empty."""
        with contextlib.suppress(ClosedError):
            while True:
                taken = self._waiting.get()
                self._metrics.buffer_depth.labels(BUFFER).set(len(self._waiting))
                if taken is not None:
                    self._lost += sum(taken.dropped)
                    self._write(taken.item)
        try:
            self._ring.close()
        except OSError as error:
            self._say(error)

    def _write(self, record: Record) -> None:
        if self.failing and self._clock.now().monotonic_ns < self._again_ns:
            self._drop()
            return
        words = to_words(record) | {"lost": self._lost}
        try:
            size = self._ring.write(words, pixels_of(record))
        except OSError as error:
            self._drop()
            self._say(error)
            return
        if self.failing:
            log.warning("recording again; %d records are missing", self._lost)
        self._lost, self.failing = 0, False
        self._metrics.recorded_bytes.inc(size)

    def _drop(self) -> None:
        self._lost += 1
        self._metrics.buffer_drops.labels(BUFFER).inc()

    def _say(self, error: OSError) -> None:
        self._again_ns = self._clock.now().monotonic_ns + PAUSE_NS
        if not self.failing:
            log.error("not recorded: %s; inspection goes on", error)
        self.failing = True
