"""The inspecting process, put together from its config.

    grab --frames--> inspect --commits--> ledger        three threads; the main thread watches them
                        └───── records ──────┴──> record    a fourth, where the run is recorded

Start: ledger, model, camera, sockets; the first that fails ends the process with its exit code.
Stop: the camera first, then each buffer is emptied by the stage behind it, the coil is reported as
interrupted, and the log is closed clean.
"""

import gc
import logging
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import cv2
from prometheus_client import CollectorRegistry

from contract.bodies import CoilData, ModelChanged
from contract.events import Draft
from edge.acquire.by_speed import SpeedFeed
from edge.acquire.coils import ConstantCoils, following_id
from edge.acquire.factory import make_source
from edge.acquire.grab import Grab, make_frame_buffer, patience_of
from edge.acquire.position import make_position, start_of
from edge.buffer import BoundedBuffer, ClosedError, WhenFull
from edge.clock import Clock, SystemClock
from edge.commands import Commands
from edge.config import Config
from edge.control import ControlServer
from edge.health import Heartbeat, serve_health
from edge.inspect.recover import end_open
from edge.ledger.log import EventLog, Recovered
from edge.ledger.writer import LedgerWriter, Log
from edge.lifecycle.model import Model, load_model
from edge.metrics import InspectMetrics, process_registry
from edge.mill.make import make_mill
from edge.record.live import RecordedLog, make_inspector, make_recorder
from edge.record.recorder import Recorder
from edge.stage import Stage
from edge.types import Commit, Frame, Loss, Start

log = logging.getLogger(__name__)

SWITCH_INTERVAL_S = 0.0005
"""A thread that waits for the interpreter waits this long at most (the default of 5 ms shows in
the p99)."""
PICTURE_THREADS = 2
"""For cutting a frame into tiles, while the network has nothing to do."""
COMMITS_PER_S = 30
"""Frames a second that the event buffer is sized for."""
DRAIN_S = 30.0
"""The longest that each stage may take to empty its buffer at the stop."""

POLL_S = 0.2
IDLE_S = 1.0
"""How often the inspecting thread reports itself alive when no frame comes."""

Commits = BoundedBuffer[Commit, Commit]


def run_inspect(
    config: Config, stop: threading.Event, ready: Callable[[], None], alive: Callable[[], None]
) -> None:
    """Inspect until `stop` is set; `ready` is called once, `alive` with every frame.

    Raises:
        StripSightError: a start that failed, or a stage that ended with an error.
    """
    cv2.setNumThreads(config.inspect.threads or PICTURE_THREADS)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    clock = SystemClock()
    registry = process_registry()
    metrics = InspectMetrics(registry)
    event_log = EventLog(config.ledger.path, config.event_source, clock, config.run_path)
    recovered = event_log.open()
    clean = False
    try:
        model = load_model(config.bundle, config)
        recorder = make_recorder(config, model, recovered.last_seq, metrics, clock)
        books = _Books(RecordedLog(event_log, recorder) if recorder else event_log, recorder)
        books.log.commit(_opening(config, recovered, model, clock))
        _Inspection(config, books, recovered, model, metrics, registry, clock).run(
            stop, ready, alive
        )
        clean = True
    finally:
        event_log.close(clean=clean)


class _Books(NamedTuple):
    """Where a run is written to."""

    log: Log
    recorder: Recorder | None


class _Inspection:
    """Wiring of one run."""

    def __init__(
        self,
        config: Config,
        books: _Books,
        recovered: Recovered,
        model: Model,
        metrics: InspectMetrics,
        registry: CollectorRegistry,
        clock: Clock,
    ) -> None:
        self._config, self._metrics, self._registry = config, metrics, registry
        self._stop = threading.Event()
        self._alive: Callable[[], None] = lambda: None
        self._heart = Heartbeat(clock)
        self._frames = make_frame_buffer(config.inspect.frame_buffer)
        room = max(2, int(config.ledger.event_buffer_s * COMMITS_PER_S))
        self._commits: Commits = BoundedBuffer(room, WhenFull.BLOCK, list.append)
        speed = SpeedFeed()
        position = make_position(config, speed, recovered.watermark)
        start = start_of(config, recovered.watermark)
        self._mill = make_mill(config, start, position, speed.tell, metrics, clock)
        if self._mill is not None:
            position, start = self._mill.position, self._mill.start
        source = make_source(config, position, clock, speed)
        coils = self._mill.coils if self._mill else _constant_coils(config, recovered, start)
        self._recorder = books.recorder
        slot, inspector, self._inspects = make_inspector(
            config, model, coils, metrics, clock, start, books.recorder
        )
        patience = patience_of(config.source)
        self._grab = Grab(source, self._frames, metrics, clock, patience, speed=speed)
        self._writer = LedgerWriter(books.log, self._commits, metrics, clock, self._stop.wait)
        self._commands = Commands(
            config, slot, inspector, self._grab, self._writer, books.recorder, clock
        )
        self._commands.mill = self._mill.state if self._mill else None
        for name, buffer in (("frames", self._frames), ("events", self._commits)):
            metrics.buffer_capacity.labels(name).set(buffer.capacity)
            metrics.buffer_drops.labels(name)
        metrics.degraded.set_function(lambda: bool(self._commands.degraded()))
        # Asked at each scrape: while no frame comes there is nobody who could set it.
        metrics.inspection_valid.set_function(self._commands.valid)

    def run(
        self, stop: threading.Event, ready: Callable[[], None], alive: Callable[[], None]
    ) -> None:
        def turned() -> None:
            self._heart.beat()
            alive()

        self._alive = turned
        stages = [
            Stage("grab", lambda: self._grab.run(self._stop), self._stop),
            Stage("inspect", self._inspect, self._stop),
            Stage("ledger", self._write, self._stop),
        ]
        written = stages[-1]
        if self._mill is not None:
            stages.append(Stage("mill", partial(self._mill.ear.run, self._stop), self._stop))
        if self._recorder is not None:
            # With a stop of its own: what goes wrong in a recording is not the strip's.
            stages.append(Stage("record", self._recorder.run, threading.Event()))
        control = ControlServer(self._config.run_path, self._commands.handlers())
        listen = self._config.metrics
        health = serve_health(
            listen.host,
            listen.inspect_port,
            self._registry,
            live=lambda: self._heart.alive() and not self._stop.is_set(),
            ready=self._commands.readiness,
        )
        told = False
        try:
            control.start()
            gc.collect()
            gc.freeze()
            for stage in stages:
                stage.start()
            while not (stop.wait(POLL_S) or self._stop.is_set() or written.join(0)):
                if self._grab.opened.is_set() and not told:
                    ready()
                    told = True
        finally:
            self._stop.set()
            control.stop()
            _drain(stages)
            health.close()
        for stage in stages:
            if stage.error is not None:
                raise stage.error

    def _inspect(self) -> None:
        """The inspecting thread: frames in, commits out, until the source's end or the stop."""
        try:
            while True:
                taken = self._frames.get(IDLE_S)
                self._alive()
                if taken is None:
                    commit = self._inspects.idle()
                else:
                    commit = self._look(taken.item, taken.dropped)
                # The writer tries for as long as the disk is full. A watchdog that killed us
                # meanwhile would lose what waits in the buffer.
                while commit is not None and not self._commits.wait_for_room(IDLE_S):
                    self._alive()
                if commit is not None:
                    self._commits.put(commit)
        except ClosedError:
            last = self._inspects.finish()
            if last is not None:
                self._commits.put(last)
        finally:
            self._commits.close()

    def _look(self, frame: Frame, dropped: tuple[Loss, ...]) -> Commit:
        self._metrics.buffer_depth.labels("frames").set(len(self._frames))
        with self._metrics.stage_seconds.labels("frame").time():
            return self._inspects.inspect(frame, dropped)

    def _write(self) -> None:
        """The ledger's thread: commits into the log until there are no more."""
        clean = False
        try:
            self._writer.run()
            clean = True
        finally:
            if self._recorder is not None:
                self._recorder.close(clean=clean)


def _constant_coils(config: Config, recovered: Recovered, start: Start) -> ConstantCoils:
    next_id = following_id(recovered.last_coil) if recovered.last_coil else None
    data = CoilData(side=config.mounting.side)
    return ConstantCoils(config.coils, next_id, start.line_m, data)


def _drain(stages: list[Stage]) -> None:
    for stage in stages:
        if not stage.join(DRAIN_S):
            log.error("%s did not end within %.0f s", stage.name, DRAIN_S)


def _opening(config: Config, recovered: Recovered, model: Model, clock: Clock) -> Commit:
    """The first commit of a run: what a crash left open, and which bundle inspects from now on."""
    now = clock.now()
    drafts = end_open(recovered, config.ledger.path, now.utc())
    changed = ModelChanged(
        before=None,
        after=model.reference,
        at_m=None,
        activation="start",
        backend=model.engine.backend,
    )
    drafts.append(Draft(changed, None, f"start@{now.utc_ns}", now.utc()))
    return Commit(tuple(drafts), None, now)
