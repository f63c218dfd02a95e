"""What can be asked of the inspecting process over its control socket."""

import os
import threading
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from contract.bodies import Action
from contract.events import Draft
from edge.acquire.grab import Grab
from edge.buffer import ClosedError
from edge.clock import Clock, Stamp
from edge.config import Config
from edge.control import Handler, Request
from edge.errors import ConfigError, ReceiverError
from edge.grading.recording import NOT_KNOWN, graded, request_of
from edge.grading.rules_file import check_classes
from edge.inspect.loop import Inspector
from edge.ledger.reader import EventReader
from edge.ledger.writer import LedgerWriter
from edge.lifecycle.model import Model, load_model
from edge.lifecycle.slot import ModelSlot
from edge.mill.state import MillState
from edge.record.recorder import Recorder
from edge.types import Commit

GRADE_TURN_S = 2.0
ROOM_S = 2.0
WRITTEN_S = 4.0
"""All three end before whoever asks gives up (`edge.control.ask`)."""


class Commands:
    """Handlers of the control socket; each runs in a thread of its own connection."""

    def __init__(
        self,
        config: Config,
        slot: ModelSlot,
        inspector: Inspector,
        grab: Grab,
        writer: LedgerWriter,
        recorder: Recorder | None,
        clock: Clock,
    ) -> None:
        self._config = config
        self._slot = slot
        self._inspector = inspector
        self._grab = grab
        self._writer = writer
        self._recorder = recorder
        self._clock = clock
        self.mill: MillState | None = None
        """What is known of the mill's signals; None where none are set up."""
        self._started = clock.now()
        self._loading = threading.Lock()
        self._grading = threading.Lock()
        self._last_grade: Commit | None = None
        """The newest that was asked for; in the ledger as a rule."""

    def handlers(self) -> Mapping[str, Handler]:
        """Action -> handler."""
        return {"status": self._status, "activate": self._activate, "grade": self._grade}

    def readiness(self) -> tuple[bool, str]:
        """For `/readyz`: whether strip is being inspected, and if not why."""
        reasons = self.degraded()
        if not self._grab.up:
            return False, "the source delivers no frames"
        return not self._writer.failing.is_set(), "; ".join(reasons)

    def degraded(self) -> list[str]:
        """Why the line does not run as it should; empty when it does."""
        reasons = []
        if not self._grab.up:
            reasons.append("the source delivers no frames")
        if self._writer.failing.is_set():
            reasons.append("the ledger cannot be written")
        if self._recorder is not None and self._recorder.failing:
            reasons.append("the recording cannot be written")
        if why := self._slot.active.engine.degraded:
            reasons.append(why)
        if self.mill is not None:
            reasons += self.mill.troubles()
        return reasons

    def valid(self) -> bool:
        """Whether what is reported as clean is really being seen, at this moment."""
        return self._inspector.valid and self._grab.up and not self._writer.failing.is_set()

    def _status(self, _: Request) -> dict[str, JsonValue]:
        mark, model = self._inspector.watermark, self._slot.active
        coil = self._inspector.coil
        degraded = self.degraded()
        state = "no_source" if not self._grab.up else "degraded" if degraded else "running"
        waiting = self._slot.waiting
        now_ns = self._clock.now().monotonic_ns
        uptime_ns = now_ns - self._started.monotonic_ns
        return {
            "state": state,
            "degraded": list(degraded),
            "inspection_valid": self.valid(),
            "coverage_10s": self._inspector.recent.coverage(now_ns),
            "coil": mark.coil,
            "coil_m": round(mark.coil_m, 3),
            "line_m": round(mark.line_m, 3),
            "coil_id": (coil.named or coil.id) if coil and not coil.provisional else None,
            "width_mm": coil.width_mm if coil else self._config.coils.width_mm,
            "mill": self.mill.state if self.mill else None,
            "speed_m_per_s": self._grab.speed_m_per_s,
            "model": model.reference.model_dump(),
            "waiting_model": waiting.model_dump() if waiting else None,
            "backend": model.engine.backend,
            "frames": mark.frame,
            "recording": str(self._config.record.path) if self._config.record else None,
            "source_opened": self._grab.opened.is_set(),
            "source_up": self._grab.up,
            "uptime_s": uptime_ns / 1e9,
            "pid": os.getpid(),
        }

    def _activate(self, request: Request) -> dict[str, JsonValue]:
        """Load a bundle here, audit that, and let it take over at the next coil or now."""
        when = request.arguments.get("when", "coil_start")
        path = request.arguments.get("bundle")
        if path is None or when not in {"coil_start", "now"}:
            raise ConfigError("activate needs `bundle`, and `when` as coil_start or now")
        if not self._loading.acquire(blocking=False):
            raise ConfigError("another bundle is being loaded; try again when it is done")
        try:
            model = load_model(Path(path), self._config)
        finally:
            self._loading.release()
        self._check_rules(model)
        self._audit(request, f"{model.bundle.card.label} takes over: {when}")
        self._slot.offer(model, "now" if when == "now" else "coil_start")
        return {"model": model.reference.model_dump(), "when": when}

    def _check_rules(self, model: Model) -> None:
        """The rules of this run must know what the bundle may find."""
        rules, path = self._inspector.grading, self._config.grading
        if rules is not None and path is not None:
            check_classes(path, rules.rules, model.bundle.card.classes.defects)

    def _grade(self, request: Request) -> dict[str, JsonValue]:
        """Record the grade of a coil that has left: of other rules, or an inspector's. One after
        the other, since each is held against the one that the ledger has.
        """
        if not self._grading.acquire(timeout=GRADE_TURN_S):
            raise ReceiverError("another grade is being recorded; nothing was changed, try again")
        try:
            return self._grade_next(request)
        finally:
            self._grading.release()

    def _grade_next(self, request: Request) -> dict[str, JsonValue]:
        if self._last_grade is not None and not self._last_grade.written.is_set():
            raise ReceiverError("the grade before waits for the ledger; nothing was changed")
        now, reader = self._clock.now(), EventReader(self._config.ledger.path)
        try:
            wanted = request_of(request.arguments)
            draft = graded(wanted, request.by, reader, self._inspector.grading, now.utc())
        finally:
            reader.close()
        if not self._writer.has_room(ROOM_S):
            raise ReceiverError("the ledger cannot be written now; nothing was changed")
        self._last_grade = self._put(draft, now)
        if not self._last_grade.written.wait(WRITTEN_S):
            raise ReceiverError(
                f"{NOT_KNOWN}: it was not in the ledger after {WRITTEN_S:g} s; `coil list` tells"
                " the grade that holds"
            )
        return {"coil": draft.coil, "grade": wanted.grade}

    def _audit(self, request: Request, result: str) -> None:
        now = self._clock.now()
        body = Action(
            action=request.action, by=request.by, arguments=request.arguments, result=result
        )
        self._put(Draft(body, None, f"{request.action}@{now.utc_ns}", now.utc()), now)

    def _put(self, draft: Draft, now: Stamp) -> Commit:
        commit = Commit((draft,), None, now)
        try:
            self._writer.put(commit)
        except ClosedError as error:
            raise ReceiverError("the daemon is stopping; nothing was changed") from error
        return commit
