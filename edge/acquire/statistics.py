"""The statistics that cameras keep of themselves, in one vocabulary, and their way to Prometheus.

    buffers             filled, the failed ones included
    failed_buffers      came incomplete or not at all
    timed_out_buffers   given up because the rest of the frame never came
    underruns           frames thrown away because no empty buffer waited for them
    missed_frames       the transport noticed that a frame is missing
    skipped_images      thrown away because the reader was late
    packets             received
    missing_packets     never came, not on request either
    error_packets       came with an error
    ignored_packets     belonged to no frame that was awaited
    duplicated_packets  came twice
    resend_requests     asked of the camera
    resent_packets      sent again by the camera
    resynchronizations  of a USB stream

A transport that does not count one of them leaves it out: the series is then not there, which is
not the same as zero.
"""

import logging
from collections.abc import Mapping
from typing import get_args

from edge.clock import Clock
from edge.metrics import InspectMetrics
from edge.ports import FrameSource
from edge.types import CameraTime, Epoch

log = logging.getLogger(__name__)

PERIOD_S = 1.0


class DeviceMetrics:
    """Exports what a source reports. Owned by the grab thread.

    A device counts from its opening; the exported counters go on over all openings.
    """

    def __init__(self, metrics: InspectMetrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock
        self._due_ns = 0
        self._counts: Mapping[str, int] = {}
        self._epoch: Epoch | None = None
        self._resets = 0

    def look(self, source: FrameSource) -> None:
        """Read the source's report if the last one is a second old."""
        if self._clock.now().monotonic_ns >= self._due_ns:
            self.read(source)

    def read(self, source: FrameSource) -> None:
        """Read the source's report now."""
        self._due_ns = self._clock.now().monotonic_ns + round(PERIOD_S * 1e9)
        counts, clock = source.report()
        for name, count in counts.items():
            new = count - self._counts.get(name, 0)
            self._metrics.source_statistics.labels(name).inc(new if new >= 0 else count)
        self._counts = {**self._counts, **counts}
        if clock is not None:
            self._export(clock)

    def closed(self) -> None:
        """The source was closed; its counts begin again."""
        self._counts = {}

    def _export(self, clock: CameraTime) -> None:
        metrics = self._metrics
        metrics.camera_clock_offset.set(clock.offset_s)
        metrics.camera_clock_uncertainty.set(clock.uncertainty_s)
        metrics.camera_clock_drift.set(clock.drift)
        metrics.camera_clock_resets.inc(clock.resets - self._resets)
        self._resets = clock.resets
        if clock.epoch != self._epoch:
            log.info("the camera's clock %s", _SAID[clock.epoch])
            self._epoch = clock.epoch
            for epoch in get_args(Epoch):
                metrics.camera_clock_epoch.labels(epoch).set(epoch == clock.epoch)


_SAID: Mapping[Epoch, str] = {
    "utc": "counts UTC",
    "tai": "counts TAI, 37 s ahead of UTC: PTP's own scale; the 37 s are taken off",
    "free_running": "is set by nobody; its stamps are mapped by when they arrive",
}
