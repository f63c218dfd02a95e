"""The courier's process: a lane for each receiver, and one loop for what is due in time.

    main loop   wakes the lanes, announces new defects, beats once a second (`pulse.py`)
    a lane      ledger -> receiver -> cursor, one thread per receiver (`lane.py`)
    retention   removes old files once an hour, in a thread of its own: it looks at every picture
    mill        what the mill says of its coils -> the inspecting process, one thread per source

It reads the event log and never writes it: the inspecting process does not notice whether the
courier runs. Retention is here because only the courier knows what every receiver has.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial

from edge.clock import Clock, SystemClock
from edge.config import Config, Ledger, Mill
from edge.deliver.cursors import Cursors
from edge.deliver.lane import Lane
from edge.deliver.mirror import Mirror
from edge.deliver.mqtt import MqttReceiver
from edge.deliver.peers import brokers_of, mills_of, mirrors_of
from edge.deliver.pulse import Pulse
from edge.errors import LedgerError
from edge.health import Heartbeat, serve_health
from edge.ledger.day import explained
from edge.ledger.retention import retain
from edge.ledger.wake import WakeReceiver
from edge.metrics import CourierMetrics, process_registry
from edge.mill.wire import SignalSender
from edge.stage import Stage, join_all

POLL_S = 0.25
RETENTION_S = 3600.0
DRAIN_S = 3.0
FAREWELL_S = 10.0  # a lane may be in a connect that takes its whole timeout
# Both for all stages together: the supervisor kills the courier after 20 s, as systemd does.
_log = logging.getLogger(__name__)


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
    receivers = brokers_of(config, metrics, clock)
    with contextlib.ExitStack() as opened:
        with explained(config.ledger.path):
            config.ledger.path.mkdir(parents=True, exist_ok=True)
        cursors = Cursors(config.ledger.path)
        opened.callback(cursors.close)
        mirrors = mirrors_of(config, cursors.load, metrics, clock)
        waker = WakeReceiver(config.run_path, "courier.sock")
        opened.callback(waker.close)
        lanes = [
            Lane(receiver, config.ledger.path, cursors, metrics, clock, stop, DRAIN_S)
            for receiver in (*receivers, *mirrors)
        ]
        mill = config.mill or Mill.model_construct()
        sender = SignalSender(config.run_path, clock, metrics, mill.late_id_s)
        opened.callback(sender.close)
        mills = mills_of(config, sender, metrics, clock)
        pulse = Pulse(config, receivers, mirrors, clock)
        opened.callback(pulse.close)
        pulse.tick()  # before any lane starts: what is new counts from here
        loop = _Loop(lanes, (*receivers, *mirrors), waker, pulse, sender, clock)
        health = serve_health(
            config.metrics.host,
            config.metrics.courier_port,
            registry,
            live=loop.heart.alive,
            ready=loop.readiness,
            key="metrics.courier_port",
        )
        opened.callback(health.close)
        names = [lane.name for lane in lanes]
        stages = [Stage(f"deliver {lane.name}", lane.run, stop) for lane in lanes]
        stages += [Stage(f"hear {mill.name}", partial(mill.run, stop), stop) for mill in mills]
        stages.append(
            Stage("retention", partial(_retain, config.ledger, cursors, names, stop), stop)
        )
        _run(stages, lanes, loop, ready, stop)


def _run(
    stages: Sequence[Stage],
    lanes: Sequence[Lane],
    loop: "_Loop",
    ready: Callable[[], None] | None,
    stop: threading.Event,
) -> None:
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
        for stage in join_all(stages, DRAIN_S + FAREWELL_S):
            _log.warning("%s: hangs and is left behind", stage.name)
    for stage in stages:
        if stage.error is not None:
            raise stage.error


class _Loop:
    """The main thread's work; `heart` and `readiness` are asked by the health server's threads."""

    def __init__(
        self,
        lanes: Sequence[Lane],
        receivers: Sequence[MqttReceiver | Mirror],
        waker: WakeReceiver,
        pulse: Pulse,
        sender: SignalSender,
        clock: Clock,
    ) -> None:
        self._lanes = lanes
        self._receivers = receivers
        self._waker = waker
        self._pulse = pulse
        self._sender = sender
        self.heart = Heartbeat(clock)

    def turn(self) -> None:
        """Wait for news or a quarter of a second, then do what is due."""
        if self._waker.wait(POLL_S):
            self._wake_lanes()
        if self._pulse.tick():
            self._wake_lanes()
        self._sender.turn()
        self.heart.beat()

    def readiness(self) -> tuple[bool, str]:
        """Whether everything can be delivered, and what hinders it."""
        troubles = [f"{lane.name}: {lane.trouble}" for lane in self._lanes if lane.trouble]
        away = [f"{r.name}: not connected" for r in self._receivers if not r.connected]
        found = troubles or away
        return not found, "\n".join(found) or "ready"

    def _wake_lanes(self) -> None:
        for lane in self._lanes:
            lane.wake()


def _retain(
    limits: Ledger, cursors: Cursors, receivers: Sequence[str], stop: threading.Event
) -> None:
    """Now and once an hour, remove what is old."""
    while not stop.is_set():
        try:
            removed = retain(
                limits.path,
                keep_days=limits.keep_days,
                max_evidence_mb=limits.max_evidence_mb,
                passed=cursors.lowest(receivers),
            )
        except LedgerError as error:
            _log.warning("%s", error)
        else:
            _log.info("retention: %d files, %d pictures removed", removed.files, removed.pictures)
        stop.wait(RETENTION_S)
