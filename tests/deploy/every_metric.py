"""Two endpoints that export every metric of the daemon, served as the daemon serves them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry

from edge.health import serve_health
from edge.metrics import CourierMetrics, InspectMetrics

CAMERA = "works/line-1/top"
_PERIOD_S = 0.1


@contextmanager
def two_processes() -> Iterator[dict[str, dict[str, str]]]:
    """Targets with their labels; until the block ends every metric moves."""
    registries = CollectorRegistry(), CollectorRegistry()
    inspect, courier = InspectMetrics(registries[0]), CourierMetrics(registries[1])
    inspect.model.info({"name": "demo", "version": "1.0", "digest": "0", "backend": "openvino"})
    stop = threading.Event()

    def move() -> None:
        while not stop.wait(_PERIOD_S):
            _move_inspect(inspect)
            _move_courier(courier)

    thread = threading.Thread(target=move)
    thread.start()
    servers = [
        serve_health("127.0.0.1", 0, r, lambda: True, lambda: (True, "ok")) for r in registries
    ]
    names = ("inspect", "courier")
    try:
        yield {
            f"127.0.0.1:{server.port}": {"camera": CAMERA, "process": name}
            for server, name in zip(servers, names, strict=True)
        }
    finally:
        stop.set()
        thread.join()
        for server in servers:
            server.close()


def _move_inspect(metrics: InspectMetrics) -> None:
    for stage in ("cut", "classify", "commit"):
        metrics.stage_seconds.labels(stage).observe(0.004)
    for histogram in (metrics.grabbed_to_committed, metrics.exposed_to_grabbed):
        histogram.observe(0.012)
    for counter in (metrics.frames, metrics.tiles, metrics.uninspected_metres,
                    metrics.source_reopened, metrics.ledger_errors,
                    metrics.recorded_bytes, metrics.camera_clock_resets,
                    metrics.roll_repeats):  # fmt: skip
        counter.inc()
    for outcome in ("on_time", "late", "lost"):
        metrics.cells.labels(outcome).inc(40)
    metrics.frames_lost.labels("buffer_overflow").inc()
    metrics.source_statistics.labels("resent_packets").inc()
    metrics.camera_clock_epoch.labels("tai").set(1)
    metrics.camera_clock_offset.set(0.0003)
    metrics.camera_clock_uncertainty.set(0.0002)
    metrics.camera_clock_drift.set(40e-6)
    metrics.unusable_frames.labels("blurred").inc()
    metrics.mill_signals.labels("speed").inc()
    metrics.mill_doubts.labels("bounced").inc()
    metrics.mill_signal_age.labels("speed").set(0.2)
    metrics.mill_state.labels("fine").set(1)
    metrics.defects.labels("scratch").inc()
    metrics.buffer_drops.labels("frames").inc()
    metrics.buffer_depth.labels("frames").set(2)
    metrics.buffer_capacity.labels("frames").set(8)
    metrics.ledger_seq.inc()
    for gauge in (metrics.source_up, metrics.inspection_valid, metrics.degraded, metrics.speed,
                  metrics.strip_width, metrics.strip_left, metrics.strip_wander):  # fmt: skip
        gauge.set(1)


def _move_courier(metrics: CourierMetrics) -> None:
    metrics.receiver_up.labels("mqtt").set(1)
    metrics.mill_source_up.labels("level2").set(1)
    metrics.mill_refused.labels("level2", "malformed").inc()
    metrics.ledger_lag.labels("mqtt").set(3)
    for counter in (metrics.delivered, metrics.failures, metrics.no_subscriber):
        counter.labels("mqtt").inc()
    metrics.plc_unread.labels("plc").set(2)
    metrics.plc_false_acknowledgements.labels("plc").inc()
    for histogram in (metrics.committed_to_acknowledged, metrics.grabbed_to_acknowledged):
        histogram.labels("mqtt").observe(0.02)
    metrics.opcua_sessions.labels("opcua").set(2)
    metrics.opcua_connections.labels("opcua").set(3)
    metrics.opcua_refused.labels("opcua", "user").inc()
