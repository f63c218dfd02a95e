"""The courier's process: a lane for each receiver, and one loop for what is due in time.

    main loop   wakes the lanes, announces new defects, beats once a second (`pulse.py`), removes
                old files once an hour
    a lane      ledger -> receiver -> cursor, one thread per receiver (`lane.py`)
    mill        what the mill says of its coils -> the inspecting process, one thread per source

It reads the event log and never writes it: the inspecting process does not notice whether the
courier runs. Retention is here because only the courier knows what every receiver has.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from edge.clock import Clock, SystemClock
from edge.config import Config
from edge.deliver.cursors import Cursors
from edge.deliver.lane import Lane
from edge.deliver.mill_mqtt import MqttMill
from edge.deliver.mirror import Mirror
from edge.deliver.mqtt import MqttReceiver
from edge.deliver.pulse import Pulse
from edge.errors import ConfigError, LedgerError
from edge.health import Heartbeat, serve_health
from edge.ledger.day import explained
from edge.ledger.retention import retain
from edge.ledger.wake import WakeReceiver
from edge.metrics import CourierMetrics, process_registry
from edge.mill.wire import SignalSender
from edge.stage import Stage

POLL_S = 0.25
RETENTION_NS = 3_600_000_000_000
DRAIN_S = 3.0
FAREWELL_S = 10.0  # a lane may be in a connect that takes its whole timeout
_log = logging.getLogger(__name__)


class MillSource(Protocol):
    """Somebody who hears the mill."""

    name: str

    def run(self, stop: threading.Event) -> None:
        """Hand its messages on until stopped."""
        ...


def run_courier(config: Config, ready: Callable[[], None] | None, stop: threading.Event) -> None:
    """Deliver until `stop` is set; then drain for a few seconds and say good-bye.

    Args:
        config: The whole config.
        ready: Called once when the process works, whether or not a broker is there.
        stop: Ends it; set by the courier itself when one of its threads fails.

    Raises:
        StripSightError: a start that failed, or the error that ended a thread.
    """
    registry = process_registry()
    metrics = CourierMetrics(registry)
    clock = SystemClock()
    receivers = [
        MqttReceiver(mqtt, config.topic, config.event_source, metrics, clock)
        for mqtt in config.deliver.mqtt
    ]
    with contextlib.ExitStack() as opened:
        with explained(config.ledger.path):
            config.ledger.path.mkdir(parents=True, exist_ok=True)
        cursors = Cursors(config.ledger.path)
        opened.callback(cursors.close)
        mirrors = _mirrors(config, cursors, metrics, clock)
        waker = WakeReceiver(config.run_path, "courier.sock")
        opened.callback(waker.close)
        lanes = [
            Lane(receiver, config.ledger.path, cursors, metrics, clock, stop, DRAIN_S)
            for receiver in (*receivers, *mirrors)
        ]
        sender = SignalSender(config.run_path, clock, metrics)
        opened.callback(sender.close)
        mills = _mills(config, sender, metrics, clock)
        loop = _Loop(config, lanes, receivers, mirrors, cursors, waker, clock)
        opened.callback(loop.close)
        health = serve_health(
            config.metrics.host,
            config.metrics.courier_port,
            registry,
            live=loop.heart.alive,
            ready=loop.readiness,
            key="metrics.courier_port",
        )
        opened.callback(health.close)
        loop.sender = sender
        _run(lanes, mills, loop, ready, stop)


def _mirrors(
    config: Config, cursors: Cursors, metrics: CourierMetrics, clock: Clock
) -> list[Mirror]:
    """The receivers over OPC UA.

    Raises:
        ConfigError: asyncua is not installed, or a file that the config names cannot be used.
    """
    section, plcs = config.deliver.opcua_server, config.deliver.opcua_client
    if section is None and not plcs:
        return []
    try:
        from edge.deliver.opcua.server import OpcUaReceiver  # noqa: PLC0415 - an extra
        from edge.deliver.plc_client import PlcReceiver  # noqa: PLC0415
    except ImportError as error:
        key = "opcua_client" if section is None else "opcua_server"
        raise ConfigError(
            f"deliver.{key} needs asyncua; pip install 'stripsight[opcua]'"
        ) from error
    mirrors: list[Mirror] = [
        PlcReceiver(plc, config, cursors.load(plc.name), metrics, clock) for plc in plcs
    ]
    if section is not None:
        mirrors.append(OpcUaReceiver(section, config, metrics, clock))
    return mirrors


def _mills(
    config: Config, sender: SignalSender, metrics: CourierMetrics, clock: Clock
) -> list[MillSource]:
    """Who hears the mill.

    Raises:
        ConfigError: asyncua is needed and not installed, or a file that the config names cannot be
        used.
    """
    if config.mill is None:
        return []
    mills: list[MillSource] = [
        MqttMill(mqtt, config.topic, sender, metrics, clock) for mqtt in config.mill.mqtt
    ]
    if config.mill.opcua:
        try:
            from edge.deliver.mill_opcua import OpcUaMill  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise ConfigError(
                "mill.opcua needs asyncua; pip install 'stripsight[opcua]'"
            ) from error
        name = config.topic.replace("/", "-")
        mills += [OpcUaMill(server, name, sender, metrics) for server in config.mill.opcua]
    return mills


def _run(
    lanes: Sequence[Lane],
    mills: Sequence[MillSource],
    loop: "_Loop",
    ready: Callable[[], None] | None,
    stop: threading.Event,
) -> None:
    stages = [Stage(f"deliver {lane.name}", lane.run, stop) for lane in lanes]
    stages += [Stage(f"hear {mill.name}", partial(mill.run, stop), stop) for mill in mills]
    for stage in stages:
        stage.start()
    if ready is not None:
        ready()
    try:
        while not stop.is_set():
            loop.turn()
    finally:
        stop.set()
        for lane in lanes:
            lane.wake()
        for stage in stages:
            if not stage.join(DRAIN_S + FAREWELL_S):
                _log.warning("%s: hangs and is left behind", stage.name)
    for stage in stages:
        if stage.error is not None:
            raise stage.error


class _Loop:
    """The main thread's work; `heart` and `readiness` are asked by the health server's threads."""

    def __init__(
        self,
        config: Config,
        lanes: Sequence[Lane],
        receivers: Sequence[MqttReceiver],
        mirrors: Sequence[Mirror],
        cursors: Cursors,
        waker: WakeReceiver,
        clock: Clock,
    ) -> None:
        self._config = config
        self._lanes = lanes
        self._receivers: tuple[MqttReceiver | Mirror, ...] = (*receivers, *mirrors)
        self._cursors = cursors
        self._waker = waker
        self._clock = clock
        self.sender: SignalSender | None = None
        self._pulse = Pulse(config, receivers, mirrors, clock)
        self.heart = Heartbeat(clock)
        self._retain_ns = 0
        self._pulse.tick()  # before any lane starts: what is new counts from here

    def turn(self) -> None:
        """Wait for news or a quarter of a second, then do what is due."""
        if self._waker.wait(POLL_S):
            self._wake_lanes()
        if self._pulse.tick():
            self._wake_lanes()
        if self.sender is not None:
            self.sender.turn()
        self.heart.beat()
        now_ns = self._clock.now().monotonic_ns
        if now_ns >= self._retain_ns:
            self._retain_ns = now_ns + RETENTION_NS
            self._retain()

    def readiness(self) -> tuple[bool, str]:
        """Whether everything can be delivered, and what hinders it."""
        troubles = [f"{lane.name}: {lane.trouble}" for lane in self._lanes if lane.trouble]
        away = [f"{r.name}: not connected" for r in self._receivers if not r.connected]
        found = troubles or away
        return not found, "\n".join(found) or "ready"

    def close(self) -> None:
        """Close the event log's files."""
        self._pulse.close()

    def _wake_lanes(self) -> None:
        for lane in self._lanes:
            lane.wake()

    def _retain(self) -> None:
        limits = self._config.ledger
        try:
            removed = retain(
                limits.path,
                today=self._clock.now().utc().date(),
                keep_days=limits.keep_days,
                max_evidence_mb=limits.max_evidence_mb,
                passed=self._cursors.lowest(receiver.name for receiver in self._receivers),
            )
        except LedgerError as error:
            _log.warning("%s", error)
        else:
            _log.info("retention: %d files, %d pictures removed", removed.files, removed.pictures)
