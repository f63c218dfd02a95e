"""The coils of before this start, as the event log holds them."""

import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from contract.bodies import CoilCorrected, CoilStarted, EventBody
from contract.events import Event
from edge.errors import LedgerError
from edge.ledger.reader import EventReader
from edge.mill.row import Passing
from edge.types import Coil, Recorded

NEWEST = 500
"""Starts and corrections that are read at once; an older coil is found by its subject alone."""
_KINDS = (CoilStarted.kind, CoilCorrected.kind)
_log = logging.getLogger(__name__)


class Past:
    """Read while a run begins, and by the thread that hears the mill.

    A coil of which an event cannot be read, since a later version of this program wrote it, is as
    if it were not there, but for its subject.

    Args:
        ledger: folder of the event log; it must be there.
        before_m: a place on the line's count before all strip of this run.
    """

    def __init__(self, ledger: Path, before_m: float) -> None:
        self._reader = EventReader(ledger)
        self._before_m = before_m
        newest = self._reader.latest(_KINDS, NEWEST)
        self._coils = self._known(newest[::-1])
        starts = (r.event.subject for r in newest if r.event.kind == CoilStarted.kind)
        self._last = next(starts, None)
        self._reader.close()

    @property
    def last_name(self) -> str | None:
        """The mill's id of the coil that began last, None where it had none that can be read."""
        last = self._coils.get(self._last) if self._last is not None else None
        return last.name if last else None

    @property
    def last_named(self) -> str | None:
        """The mill's id of the newest coil that had one."""
        names = (coil.name for coil in reversed(self._coils.values()))
        return next((name for name in names if name is not None), None)

    def began(self, subject: str) -> bool:
        """Whether the log holds a coil of that subject."""
        return subject in self._coils or bool(self._of_coil(subject, [CoilStarted.kind]))

    def find(self, names: Sequence[str], *, now: bool = False) -> Passing | None:
        """The newest coil that goes by one of them."""
        for passing in reversed(self._coils.values()):
            if passing.goes_by(names, now=now):
                return passing
        for name in names:
            older = self._known(self._of_coil(name, _KINDS))
            self._coils = {**older, **self._coils}
            if name in older and older[name].goes_by(names, now=now):
                return older[name]
        return None

    def _of_coil(self, subject: str, kinds: Sequence[str]) -> list[Recorded]:
        """Nothing where an older file cannot be read: no reason to stop inspecting."""
        try:
            return self._reader.of_coil(subject, kinds)
        except LedgerError as error:
            _log.warning("coils of before: %s", error)
            return []

    def _known(self, events: Sequence[Recorded]) -> dict[str, Passing]:
        """By subject, in the order in which they began."""
        coils: dict[str, Passing] = {}
        for event in (recorded.event for recorded in events):
            body, subject = _body(event), event.subject or ""
            if body is None:
                coils.pop(subject, None)
            elif isinstance(body, CoilStarted):
                coils[subject] = self._begun(subject, body, event.time)
            elif isinstance(body, CoilCorrected) and subject in coils:
                _correct(coils[subject], body, event.time)
        return coils

    def _begun(self, subject: str, body: CoilStarted, at: datetime) -> Passing:
        coil = Coil(
            subject, self._before_m, None, body.width_mm, body.provisional, body.data,
            late_m=body.late_m, head_seen=body.head_seen,
        )  # fmt: skip
        name = None if body.provisional else subject
        return Passing(coil, coil, name, told_ns=0, changed=at, answered=True)


def _body(event: Event) -> EventBody | None:
    try:
        return event.known()
    except ValueError:
        return None


def _correct(passing: Passing, body: CoilCorrected, at: datetime) -> None:
    passing.name, passing.changed = body.coil_id, at
    subject = passing.coil.id
    passing.known = Coil(
        subject, passing.coil.head_m, None, body.width_mm, provisional=False, data=body.data,
        named=None if body.coil_id == subject else body.coil_id, late_m=passing.coil.late_m,
        head_seen=passing.coil.head_seen,
    )  # fmt: skip
