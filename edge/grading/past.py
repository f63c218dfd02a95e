"""A coil that has left, as the ledger holds it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from contract.bodies import CoilCorrected, CoilGraded, CoilReport, CoilStarted, EventBody, Grade
from contract.events import Event
from edge.errors import ConfigError
from edge.ledger.reader import EventReader

CORRECTIONS = 1000
"""So many of the newest are looked through for an id; a subject is always found."""
_HEADS = (CoilStarted.kind, CoilReport.kind, CoilGraded.kind)
_DEFECTS = ("defect", "defect_density")


class PastCoil(NamedTuple):
    """The newest coil of an id."""

    subject: str
    """The id that its events carry."""
    report: CoilReport
    graded: CoilGraded | None
    """The newest one."""
    seq: int
    """Of the event whose grade holds: the report, or the newest `coil_graded`."""
    since: int
    """Its first event's `seq`."""
    late_m: float = 0.0
    """Of its start."""

    @property
    def grade(self) -> Grade | None:
        """The one that holds."""
        return self.report.grade if self.graded is None else self.graded.grade


def current_grade(events: Iterable[Event]) -> Grade | None:
    """The grade that holds for a coil, of its events in order: the newest `coil_graded`, else its
    report's.
    """
    grade = None
    for event in events:
        body = event.body() if event.kind in _HEADS else None
        if isinstance(body, CoilGraded | CoilReport):
            grade = body.grade
    return grade


def find_coil(reader: EventReader, coil_id: str) -> PastCoil:
    """The newest coil that the mill calls so, or whose events carry this id.

    Raises:
        ConfigError: there is none, or it has no report yet.
        LedgerError: the ledger cannot be read.
    """
    subject = _subject_of(reader, coil_id)
    found: PastCoil | None = None
    since, late_m = 0, 0.0
    for recorded in reader.of_coil(subject, _HEADS):
        body, seq = recorded.event.body(), recorded.event.seq
        if isinstance(body, CoilStarted):
            found, since, late_m = None, seq, body.late_m
        elif isinstance(body, CoilReport):
            found = PastCoil(subject, body, None, seq, since, late_m)
        elif isinstance(body, CoilGraded) and found is not None:
            found = found._replace(graded=body, seq=seq)
    if found is None and not since:
        raise ConfigError(f"{coil_id!r}: the ledger has no coil of this id")
    if found is None:
        raise ConfigError(f"{coil_id!r}: has no report yet, so it has no grade to change")
    return found


def _subject_of(reader: EventReader, coil_id: str) -> str:
    for recorded in reader.latest([CoilCorrected.kind], CORRECTIONS):
        body = recorded.event.body()
        if isinstance(body, CoilCorrected) and body.coil_id == coil_id:
            return recorded.event.subject or coil_id
    return coil_id


def defects_of(reader: EventReader, coil: PastCoil) -> Iterator[EventBody]:
    """What was told of its defects, in order."""
    found: Sequence[str] = _DEFECTS
    for recorded in reader.of_coil(coil.subject, found):
        if recorded.event.seq > coil.since:
            yield recorded.event.body()
