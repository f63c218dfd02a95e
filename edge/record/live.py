"""A run that is recorded: what stands between its parts, and notes what passes."""

from collections.abc import Iterable
from typing import Protocol

from contract.events import Event
from edge.clock import Clock
from edge.config import Config
from edge.inspect.loop import Inspector
from edge.ledger.writer import Log
from edge.lifecycle.model import Model
from edge.lifecycle.slot import ModelSlot
from edge.metrics import InspectMetrics
from edge.ports import CoilSource
from edge.record.header import make_header
from edge.record.notes import NotedClock, NotedCoils, NotedSlot, Notes, bundle_at
from edge.record.recorder import Recorder
from edge.record.records import Committed, Finished, Seen, Waited
from edge.record.ring import Ring
from edge.types import Commit, Frame, Loss, Start


class Inspects(Protocol):
    """What the inspecting thread calls."""

    def inspect(self, frame: Frame, dropped: Iterable[Loss] = ()) -> Commit:
        """Deal with a frame and with what was lost before it."""
        ...

    def idle(self) -> Commit | None:
        """Tell what was corrected while no frame came."""
        ...

    def finish(self) -> Commit | None:
        """Report the coil that is left half inspected."""
        ...


def make_recorder(
    config: Config, model: Model, after_seq: int, metrics: InspectMetrics, clock: Clock
) -> Recorder | None:
    """The recorder that the config asks for; None when it asks for none."""
    if config.record is None:
        return None
    header = make_header(config, model, after_seq, clock.now().utc_ns)
    ring = Ring(config.record.path, round(config.record.max_gb * 1e9), header)
    return Recorder(ring, metrics, clock)


def make_inspector(
    config: Config,
    model: Model,
    coils: CoilSource,
    metrics: InspectMetrics,
    clock: Clock,
    start: Start,
    recorder: Recorder | None,
) -> tuple[ModelSlot, Inspector, Inspects]:
    """The inspector with its slot, and what the inspecting thread calls in its place."""
    if recorder is None:
        slot = ModelSlot(model)
        inspector = Inspector(config, slot, coils, metrics, clock, start)
        return slot, inspector, inspector
    notes = Notes()
    slot = NotedSlot(model, notes)
    noted = NotedCoils(coils, notes), metrics, NotedClock(clock, notes)
    inspector = Inspector(config, slot, *noted, start)
    return slot, inspector, RecordedInspector(inspector, slot, notes, recorder)


class RecordedInspector:
    """An inspector whose every frame is recorded, also one that it fails at."""

    def __init__(
        self, inspector: Inspector, slot: ModelSlot, notes: Notes, recorder: Recorder
    ) -> None:
        self._inspector = inspector
        self._slot = slot
        self._notes = notes
        self._recorder = recorder

    def inspect(self, frame: Frame, dropped: Iterable[Loss] = ()) -> Commit:
        """As the inspector does."""
        losses, model = tuple(dropped), bundle_at(self._slot.active)
        start = self._inspector.start
        try:
            return self._inspector.inspect(frame, losses)
        finally:
            told = self._notes.take()
            self._recorder.put(Seen(frame, losses, start, model, told))

    def idle(self) -> Commit | None:
        """As the inspector does."""
        news, told = self._inspector.idle(), self._notes.take()
        if news is not None:
            self._recorder.put(Waited(told))
        return news

    def finish(self) -> Commit | None:
        """As the inspector does."""
        last = self._inspector.finish()
        self._recorder.put(Finished(self._notes.take()))
        return last


class RecordedLog:
    """An event log whose every commit is recorded, in its order. Owned by the log's thread."""

    def __init__(self, log: Log, recorder: Recorder) -> None:
        self._log = log
        self._recorder = recorder

    def commit(self, commit: Commit) -> list[Event]:
        """As the log does; a commit that failed is not recorded."""
        events = self._log.commit(commit)
        mark = commit.watermark
        given = commit if mark is None else None
        self._recorder.put(Committed(mark.frame if mark else None, given, tuple(events)))
        return events
