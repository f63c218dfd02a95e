"""The grab stage: from the source into the frame buffer, over every loss of the source.

The reader of the buffer is never waited for: when it is late the oldest frame goes, and what it
showed, together with what it had to tell of earlier losses, comes out as losses with the next
frame.
"""

import logging
import threading
from collections.abc import Callable
from typing import NamedTuple

from edge.acquire.statistics import DeviceMetrics
from edge.buffer import BoundedBuffer, ClosedError, WhenFull
from edge.clock import Clock
from edge.config import AravisSource, PylonSource
from edge.config import Source as SourceSection
from edge.errors import ConfigError, SourceEndedError, SourceError, SourceTimeoutError
from edge.metrics import InspectMetrics
from edge.ports import FrameSource, SpeedSignal
from edge.types import Frame, Loss

log = logging.getLogger(__name__)

FrameBuffer = BoundedBuffer[Frame, Loss]
Wait = Callable[[threading.Event, float], bool]

OVERFLOW = "buffer_overflow"
MAX_RECONNECT_S = 3.0
"""So that, with opening and the first frame, strip is seen within 10 s of a camera's return."""
OVERDUE = 3
"""Times its patience that a camera may be silent while frames are due: connected, and stuck."""
TOUCHING_M = 1e-6
POLL_S = 0.2
"""Longest single read, so that a stop is honoured at once."""


class Patience(NamedTuple):
    """How long a source may be silent before it counts as down, and the first pause before it is
    opened again.
    """

    silent_s: float
    reconnect_s: float
    overdue_s: float = float("inf")
    """A silence after which it is opened again, since frames are due; infinite where only an
    encoder knows whether they are.
    """


def make_frame_buffer(capacity: int) -> FrameBuffer:
    """The buffer between grab and inspection."""
    return BoundedBuffer(capacity, WhenFull.DROP_OLDEST, note_lost)


def note_lost(losses: list[Loss], frame: Frame) -> None:
    """What remains of a frame that nobody took: its own losses, then itself.

    Strip that goes on where the last loss ended, lost for the same reason, makes that one longer.
    """
    for loss in (*frame.losses, Loss(frame.rows.first_m, frame.rows.end_m, OVERFLOW)):
        last = losses[-1] if losses else None
        if last and last.reason == loss.reason and abs(loss.first_m - last.end_m) < TOUCHING_M:
            losses[-1] = last._replace(end_m=loss.end_m)
        else:
            losses.append(loss)


def patience_of(source: SourceSection) -> Patience:
    """From the config; a source with a slow clock may be silent for two of its periods."""
    rate = source.frames_per_s
    if isinstance(source, PylonSource | AravisSource):
        silent_s = source.grab_timeout_s
        overdue_s = max(OVERDUE * silent_s, OVERDUE / rate) if rate else float("inf")
        return Patience(silent_s, source.reconnect_s, overdue_s)
    return Patience(2.0 if rate is None else max(2.0, 2 / rate), 0.5)


class Grab:
    """Owns the source from `run` on; `run` is the body of the stage's thread."""

    def __init__(
        self,
        source: FrameSource,
        frames: FrameBuffer,
        metrics: InspectMetrics,
        clock: Clock,
        patience: Patience,
        wait: Wait = threading.Event.wait,
        speed: SpeedSignal | None = None,
    ) -> None:
        self._source = source
        self._frames = frames
        self._metrics = metrics
        self._clock = clock
        self._patience = patience
        self._wait = wait
        self._speed = speed
        self._block_m = 0.0
        self._device = DeviceMetrics(metrics, clock)
        self._heard_ns = 0
        self._delivers = False
        self._last: Frame | None = None
        self.opened = threading.Event()
        """Set once the source has been opened for the first time."""
        metrics.source_up.set_function(lambda: self.up)
        self.speed_m_per_s = 0.0
        """Over the two newest frames, by their stamps; read by other threads."""

    @property
    def up(self) -> bool:
        """Whether the source delivers. Other threads ask: a read that hangs inside a camera's SDK
        could not tell.
        """
        silent_s = (self._clock.now().monotonic_ns - self._heard_ns) / 1e9
        return self._delivers and silent_s < max(self._patience.silent_s, self._due_s())

    def _due_s(self) -> float:
        """How long the next block may take at the speed that somebody tells: while the strip is at
        rest a camera whose lines an encoder triggers is silent, and well.
        """
        if self._speed is None:
            return 0.0
        speed = self._speed.newest(self._clock.now().monotonic_ns)
        fresh = speed.age_s < self._patience.silent_s
        return 2 * self._block_m / max(abs(speed.m_per_s), 1e-9) if fresh else 0.0

    def run(self, stop: threading.Event) -> None:
        """Grab until stopped, or until the source ends or the reader is gone; then close both.

        Raises:
            SourceError: the source could not be opened at the start. Later it is opened again and
            again.
            ConfigError: likewise, where the config is to blame.
        """
        try:
            self._source.open()
            self._heard_ns = self._clock.now().monotonic_ns
            self.opened.set()
            self._read_until(stop)
        except SourceEndedError as end:
            log.info("the source has ended: %s", end)
        except ClosedError:
            log.info("the frame buffer was closed")
        finally:
            self._delivers = False
            self._source.close()
            self._frames.close()

    def _read_until(self, stop: threading.Event) -> None:
        timeout_s = min(POLL_S, self._patience.silent_s)
        while not stop.is_set():
            # Not inside its handler: the exception would keep the dead device's objects alive.
            if self._lost(timeout_s):
                self._reopen(stop)
            self._device.look(self._source)

    def _lost(self, timeout_s: float) -> bool:
        """Read once; whether the source must be opened again."""
        try:
            self._hand_on(self._source.read(timeout_s))
        except SourceTimeoutError:
            return self._is_stuck()
        except SourceEndedError:
            raise
        except SourceError as loss:
            # As text: a log handler that keeps records would keep the dead device's objects too.
            log.warning("source lost: %s", str(loss))
            return True
        return False

    def _is_stuck(self) -> bool:
        """Whether a silence has lasted so long, with frames due, that the source must be opened
        again. At rest none is due, and the silence counts from when the strip moves on.
        """
        now_ns, due_s, patience = self._clock.now().monotonic_ns, self._due_s(), self._patience
        if due_s > patience.silent_s:
            self._heard_ns = now_ns
        overdue_s = OVERDUE * patience.silent_s if due_s else patience.overdue_s
        stuck = (now_ns - self._heard_ns) / 1e9 > overdue_s
        if stuck:
            log.warning("no frame for %.3g s, though they are due: opened again", overdue_s)
        return stuck

    def _hand_on(self, frame: Frame) -> None:
        self._heard_ns = self._clock.now().monotonic_ns
        metrics = self._metrics
        self._delivers = True
        self._measure_speed(frame)
        self._block_m = max(self._block_m, frame.rows.end_m - frame.rows.first_m)
        metrics.frames.inc()
        self._count_losses(frame)
        if self._frames.put(frame):
            metrics.frames_lost.labels(OVERFLOW).inc()
            metrics.buffer_drops.labels("frames").inc()

    def _measure_speed(self, frame: Frame) -> None:
        last, self._last = self._last, frame
        if last is not None and frame.grabbed.monotonic_ns > last.grabbed.monotonic_ns:
            elapsed_s = (frame.grabbed.monotonic_ns - last.grabbed.monotonic_ns) / 1e9
            self.speed_m_per_s = (frame.rows.end_m - last.rows.end_m) / elapsed_s
            self._metrics.speed.set(self.speed_m_per_s)

    def _count_losses(self, frame: Frame) -> None:
        """By length, so that strip that passed with the source away counts as the frames that it
        would have filled. This one may be short: what a strip that stopped had left.
        """
        for loss in frame.losses:
            frames = round((loss.end_m - loss.first_m) / self._block_m)
            self._metrics.frames_lost.labels(loss.reason).inc(frames)

    def _reopen(self, stop: threading.Event) -> None:
        self._delivers = False
        pause_s = self._patience.reconnect_s
        self._device.read(self._source)
        self._source.close()
        self._device.closed()
        while not self._wait(stop, pause_s):
            try:
                self._source.open()
            except (SourceError, ConfigError) as refusal:
                pause_s = min(2 * pause_s, max(MAX_RECONNECT_S, self._patience.reconnect_s))
                log.warning("source still away, next try in %.3g s: %s", pause_s, refusal)
            else:
                log.info("source opened again")
                self._metrics.source_reopened.inc()
                self._heard_ns = self._clock.now().monotonic_ns
                return
