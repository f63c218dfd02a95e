"""Every metric of every process, declared here and nowhere else; `docs/metrics.md` is generated
from this module.

Histograms are in seconds. No coil, frame or event ids in labels: their number would grow for ever.
"""

import threading
from typing import NamedTuple, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
)
from prometheus_client.metrics import MetricWrapperBase

from contract.bodies import Outcome

_FINE = (
    0.0005,
    0.001,
    0.002,
    0.003,
    0.005,
    0.0075,
    0.01,
    0.015,
    0.02,
    0.03,
    0.05,
    0.075,
    0.1,
    0.2,
    0.5,
    1,
    5,
)
_COARSE = (*_FINE, 30, 120, 600, 3600)


def process_registry() -> CollectorRegistry:
    """A process's registry, with Prometheus' own series of its memory, time and open files, and the
    number of its threads: what must stay flat for months.
    """
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    threads = Gauge("stripsight_threads", "Threads of this process", registry=registry)
    threads.set_function(threading.active_count)
    return registry


class InspectMetrics:
    """The inspecting process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.stage_seconds = Histogram(
            "stripsight_stage_seconds",
            "Time in one stage, per frame; `frame` is all that the inspecting thread does for it",
            ["stage"],
            buckets=_FINE,
            registry=registry,
        )
        self.grabbed_to_committed = Histogram(
            "stripsight_grabbed_to_committed_seconds",
            "From the grab of a frame's last line to its synced commit",
            buckets=_FINE,
            registry=registry,
        )
        self.exposed_to_grabbed = Histogram(
            "stripsight_exposed_to_grabbed_seconds",
            "From a frame's exposure to its last line on this host",
            buckets=_FINE,
            registry=registry,
        )
        self.frames = Counter(
            "stripsight_frames", "Frames received from the source", registry=registry
        )
        self.frames_lost = Counter(
            "stripsight_frames_lost",
            "Frames that never reached the network",
            ["reason"],
            registry=registry,
        )
        self.tiles = Counter("stripsight_tiles", "Tiles classified", registry=registry)
        self.tiles_screened = Counter(
            "stripsight_tiles_screened",
            "Tiles that the screen called clean without the network",
            registry=registry,
        )
        self.cells = Counter(
            "stripsight_cells",
            "Cells of strip by what was first known of them; a report has what became of them",
            ["outcome"],
            registry=registry,
        )
        for outcome in get_args(Outcome):
            self.cells.labels(outcome)  # a series must begin at 0, or its first rise goes unseen
        self.account_breaches = Counter(
            "stripsight_account_breaches",
            "Coils whose account of cells contradicted itself: a fault of this program",
            registry=registry,
        )
        self.uninspected_metres = Counter(
            "stripsight_uninspected_metres",
            "Metres of strip reported as not inspected",
            registry=registry,
        )
        self.unusable_frames = Counter(
            "stripsight_unusable_frames",
            "Frames, or a coil's part of one, that could not be judged; obscured: in some columns",
            ["reason"],
            registry=registry,
        )
        for reason in ("dark", "saturated", "no_strip", "blurred", "obscured"):
            self.unusable_frames.labels(reason)
        self.defects = Counter(
            "stripsight_defects", "Defects announced", ["class_name"], registry=registry
        )
        self.crowded_frames = Counter(
            "stripsight_crowded_frames",
            "Frames with too many separate defects to tell each: told as one per class",
            registry=registry,
        )
        self.roll_repeats = Counter(
            "stripsight_roll_repeats",
            "Roll repeats raised: defects that come back with a roll's circumference",
            registry=registry,
        )
        self.buffer_depth = Gauge(
            "stripsight_buffer_depth", "Items waiting", ["buffer"], registry=registry
        )
        self.buffer_capacity = Gauge(
            "stripsight_buffer_capacity", "Room", ["buffer"], registry=registry
        )
        self.buffer_drops = Counter(
            "stripsight_buffer_drops", "Items dropped", ["buffer"], registry=registry
        )
        self.source_up = Gauge(
            "stripsight_source_up", "1 while the source delivers", registry=registry
        )
        self.source_reopened = Counter(
            "stripsight_source_reopened",
            "Times the source was opened again after a loss",
            registry=registry,
        )
        self.source_statistics = Counter(
            "stripsight_source_statistics",
            "What the camera's transport counts, over all openings",
            ["statistic"],
            registry=registry,
        )
        self.camera_clock_offset = Gauge(
            "stripsight_camera_clock_offset_seconds",
            "Camera's clock minus the host's UTC, TAI's 37 s taken off",
            registry=registry,
        )
        self.camera_clock_uncertainty = Gauge(
            "stripsight_camera_clock_uncertainty_seconds",
            "Spread of the stamps that the camera's clock is mapped by",
            registry=registry,
        )
        self.camera_clock_drift = Gauge(
            "stripsight_camera_clock_drift_ratio",
            "Seconds that the camera's clock gains in a second",
            registry=registry,
        )
        self.camera_clock_epoch = Gauge(
            "stripsight_camera_clock_epoch",
            "1 for what the camera's clock counts: utc, tai, free_running",
            ["epoch"],
            registry=registry,
        )
        self.camera_clock_resets = Counter(
            "stripsight_camera_clock_resets",
            "Times the camera's clock jumped",
            registry=registry,
        )
        for gauge in (
            self.camera_clock_offset,
            self.camera_clock_uncertainty,
            self.camera_clock_drift,
        ):
            gauge.set(float("nan"))  # until a camera tells; 0 would be a perfect clock
        self.inspection_valid = Gauge(
            "stripsight_inspection_valid",
            "1 while what is reported as clean was really seen",
            registry=registry,
        )
        self.degraded = Gauge(
            "stripsight_degraded", "1 while not the first choice runs", registry=registry
        )
        self.ledger_seq = Gauge("stripsight_ledger_seq", "Newest event's seq", registry=registry)
        self.ledger_errors = Counter(
            "stripsight_ledger_errors", "Commits that failed", registry=registry
        )
        self.recorded_bytes = Counter(
            "stripsight_recorded_bytes", "Bytes written to the recording", registry=registry
        )
        self.speed = Gauge(
            "stripsight_strip_speed_m_per_s", "Strip speed over the last frame", registry=registry
        )
        self.model = Info(
            "stripsight_model", "The bundle that inspects and its backend", registry=registry
        )
        self._declare_strip(registry)
        self._declare_mill(registry)

    def _declare_strip(self, registry: CollectorRegistry) -> None:
        self.strip_width = Gauge(
            "stripsight_strip_width_mm",
            "Strip width as the camera sees it; NaN while an edge is out of view",
            registry=registry,
        )
        self.strip_left = Gauge(
            "stripsight_strip_left_mm",
            "The strip's operator side, from the picture's left border",
            registry=registry,
        )
        self.strip_wander = Gauge(
            "stripsight_strip_wander_mm",
            "How far the strip's operator side has wandered on this coil",
            registry=registry,
        )

    def _declare_mill(self, registry: CollectorRegistry) -> None:
        self.mill_signals = Counter(
            "stripsight_mill_signals",
            "Messages of the mill, by kind",
            ["signal"],
            registry=registry,
        )
        self.mill_signal_age = Gauge(
            "stripsight_mill_signal_age_seconds",
            "Since a kind of message was heard last; NaN where it never was",
            ["signal"],
            registry=registry,
        )
        self.mill_state = Gauge(
            "stripsight_mill_state",
            "1 for the state of the mill's signals: fine, stale, missing",
            ["state"],
            registry=registry,
        )
        self.mill_doubts = Counter(
            "stripsight_mill_doubts",
            "Messages of the mill that could not be taken at their word, by what was wrong",
            ["doubt"],
            registry=registry,
        )


class CourierMetrics:
    """The delivering process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.receiver_up = Gauge(
            "stripsight_receiver_up",
            "1 while connected; 0 also for a PLC that refuses a word",
            ["receiver"],
            registry=registry,
        )
        self.ledger_lag = Gauge(
            "stripsight_ledger_lag_events",
            "Events not yet acknowledged, also while delivery fails",
            ["receiver"],
            registry=registry,
        )
        self.delivered = Counter(
            "stripsight_events_delivered", "Events acknowledged", ["receiver"], registry=registry
        )
        self.failures = Counter(
            "stripsight_delivery_failures", "Attempts that failed", ["receiver"], registry=registry
        )
        self.no_subscriber = Counter(
            "stripsight_events_without_subscriber",
            "Events the broker had nobody for",
            ["receiver"],
            registry=registry,
        )
        self.stray_acknowledgements = Counter(
            "stripsight_stray_acknowledgements",
            "Acknowledgements of messages that were not under way, repeated or made up",
            ["receiver"],
            registry=registry,
        )
        self.mill_source_up = Gauge(
            "stripsight_mill_source_up",
            "1 while the source of the mill's messages is connected",
            ["source"],
            registry=registry,
        )
        self.mill_refused = Counter(
            "stripsight_mill_refused",
            "Messages of the mill that are none, by source and reason",
            ["source", "reason"],
            registry=registry,
        )
        self.plc_unread = Gauge(
            "stripsight_plc_unread_defects",
            "Defects in the PLC block that the PLC has not acknowledged",
            ["receiver"],
            registry=registry,
        )
        self.plc_false_acknowledgements = Counter(
            "stripsight_plc_false_acknowledgements",
            "Times a PLC began to acknowledge what it was never shown",
            ["receiver"],
            registry=registry,
        )
        self.committed_to_acknowledged = Histogram(
            "stripsight_committed_to_acknowledged_seconds",
            "From an event's commit to the receiver's acknowledgement",
            ["receiver"],
            buckets=_COARSE,
            registry=registry,
        )
        self.grabbed_to_acknowledged = Histogram(
            "stripsight_grabbed_to_acknowledged_seconds",
            "From the grab of a defect's frame to the receiver's acknowledgement",
            ["receiver"],
            buckets=_COARSE,
            registry=registry,
        )

        self.opcua_sessions = Gauge(
            "stripsight_opcua_sessions",
            "Sessions that clients have at the OPC UA server",
            ["receiver"],
            registry=registry,
        )
        self.opcua_connections = Gauge(
            "stripsight_opcua_connections",
            "TCP connections to the OPC UA server, those without a session included",
            ["receiver"],
            registry=registry,
        )
        self.opcua_refused = Counter(
            "stripsight_opcua_refused",
            "What clients of the OPC UA server were refused",
            ["receiver", "reason"],
            registry=registry,
        )


class Described(NamedTuple):
    """A metric as its documentation names it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str


_SUFFIX = {"counter": "_total", "info": "_info"}


def describe(metrics: InspectMetrics | CourierMetrics) -> list[Described]:
    """Every metric of a process, in the order of its declaration."""
    return [_described(m) for m in vars(metrics).values() if isinstance(m, MetricWrapperBase)]


def _described(metric: MetricWrapperBase) -> Described:
    (family,) = metric.describe()
    labels: tuple[str, ...] = tuple(metric._labelnames)  # noqa: SLF001 - nothing public names them
    return Described(
        family.name + _SUFFIX.get(family.type, ""), family.type, labels, family.documentation
    )
