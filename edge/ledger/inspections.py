"""Which coils a ledger holds, under which names.

A coil is inspected once as a rule, but an id may come again (recoiled and sent back), and a coil
may be told under a provisional id first: `coil_corrected` says whose it is. So what is listed here
are inspections, each with the subject that its events carry and the id that the coil has.
"""

import difflib
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from contract.bodies import (
    CoilCorrected,
    CoilGraded,
    CoilReport,
    CoilStarted,
    EventBody,
    Grade,
)
from edge.errors import ConfigError
from edge.ledger.reader import EventReader
from edge.text import printable
from edge.types import Recorded

State = Literal["finished", "interrupted", "not_finished", "unreadable"]
_KINDS = (CoilStarted.kind, CoilReport.kind, CoilGraded.kind, CoilCorrected.kind)
_NAMED = 5
_NAME_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Inspection:
    """One coil's way under the camera. `started` is None where retention took it away."""

    subject: str
    """The id that its events carry."""
    coil_id: str
    """The id that the mill gave it in the end."""
    first_seq: int
    last_seq: int | None
    """The last event that can be of it; None while there may be more."""
    started: Recorded | None = None
    reported: Recorded | None = None
    corrected: CoilCorrected | None = None
    graded: tuple[CoilGraded, ...] = ()
    grade_seq: int | None = None
    """Of the event whose grade holds: the newest `coil_graded`, else the report."""
    newest_seq: int = 0
    """Of the newest event that is entered here; behind a report there is no other of the coil."""

    @property
    def report(self) -> CoilReport | None:
        """What the daemon reported at the coil's end."""
        body = _body(self.reported)
        return body if isinstance(body, CoilReport) else None

    @property
    def start(self) -> CoilStarted | None:
        """What the daemon said at the coil's head."""
        body = _body(self.started)
        return body if isinstance(body, CoilStarted) else None

    @property
    def digest(self) -> str:
        """SHA-256 of its start, or where retention took that away of its report. Another ledger may
        have a coil of the same subject and number, but none with the same times.
        """
        first = self.started or self.reported
        return hashlib.sha256(first.body).hexdigest() if first else ""

    @property
    def grade(self) -> Grade | None:
        """The newest grade."""
        if self.graded:
            return self.graded[-1].grade
        return self.report.grade if self.report else None

    @property
    def graded_by_hand(self) -> bool:
        """Whether a person set the grade that holds."""
        return bool(self.graded) and self.graded[-1].origin == "inspector"

    @property
    def state(self) -> State:
        """`not_finished`: it runs, or the daemon died and has not started again. `unreadable`: its
        report is of another version of this program.
        """
        if self.reported is None:
            return "not_finished"
        if self.report is None:
            return "unreadable"
        return "interrupted" if self.report.interrupted else "finished"


def _body(recorded: Recorded | None) -> EventBody | None:
    """None for an event of another version of this program too."""
    try:
        return recorded.event.body() if recorded else None
    except ValueError:
        return None


def inspections(reader: EventReader) -> list[Inspection]:
    """All coils of the ledger, oldest first.

    Raises:
        LedgerError: it cannot be read.
    """
    found: dict[str, list[Inspection]] = {}
    for recorded in reader.of_kinds(_KINDS):
        if recorded.event.subject is not None:
            _take(_known_by(recorded, found), recorded)
    return sorted((i for each in found.values() for i in each), key=lambda i: i.first_seq)


def inspections_of(
    reader: EventReader, subject: str, last_seq: int | None = None
) -> list[Inspection]:
    """Those of one subject, oldest first, from its events alone: for those who have no time to read
    of all coils. With `last_seq` as they were known when that event was the newest.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    known: list[Inspection] = []
    for recorded in reader.of_coil(subject, _KINDS):
        if last_seq is None or recorded.event.seq <= last_seq:
            _take(known, recorded)
    return known


def next_start(reader: EventReader, inspection: Inspection) -> tuple[str, CoilStarted] | None:
    """Subject and start of the coil that followed a finished one at once: both are one commit,
    between them only a model may have changed.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    if inspection.reported is None or inspection.state != "finished":
        return None
    for recorded in reader.after(inspection.reported.event.seq, 2):
        if isinstance(body := _body(recorded), CoilStarted):
            return recorded.event.subject or "", body
    return None


def _known_by(recorded: Recorded, found: dict[str, list[Inspection]]) -> list[Inspection]:
    """Those of the event's subject; a grade may be told under the id that the coil has by now."""
    subject = recorded.event.subject or ""
    if recorded.event.kind == CoilGraded.kind and subject not in found:
        renamed = (known for known in found.values() if known and known[-1].coil_id == subject)
        return next(renamed, [])
    return found.setdefault(subject, [])


def _take(known: list[Inspection], recorded: Recorded) -> None:
    """Enter an event of one subject; a start after a report begins another inspection."""
    seq, kind, body = recorded.event.seq, recorded.event.kind, _body(recorded)
    begins = kind == CoilStarted.kind and (not known or known[-1].reported is not None)
    if begins and known:
        known[-1] = replace(known[-1], last_seq=seq - 1)
    if not known and kind in {CoilGraded.kind, CoilCorrected.kind}:
        return  # of a coil whose events retention has taken away
    if begins or not known:
        subject = recorded.event.subject or ""
        known.append(Inspection(subject, subject, seq if begins else 1, None))
    last = known[-1]
    if kind == CoilStarted.kind:
        known[-1] = replace(last, started=last.started or recorded)
    elif kind == CoilReport.kind:
        known[-1] = replace(last, reported=recorded, grade_seq=seq)
    elif isinstance(body, CoilCorrected):
        known[-1] = replace(last, coil_id=body.coil_id, corrected=body)
    elif isinstance(body, CoilGraded):
        known[-1] = replace(last, graded=(*last.graded, body), grade_seq=seq)
    known[-1] = replace(known[-1], newest_seq=seq)


def find(
    known: Sequence[Inspection], wanted: str | None, from_seq: int | None = None
) -> Inspection:
    """The newest inspection of a coil, by its id or the provisional one; without an id the newest
    that finished, or was interrupted. `from_seq` chooses an older one of the same id.

    Raises:
        ConfigError: there is none; the text names the nearest ids.
    """
    if wanted is None:
        return _newest_ended(known)
    named = [i for i in known if i.coil_id == wanted] or [i for i in known if i.subject == wanted]
    chosen = [i for i in named if from_seq in {None, i.first_seq}]
    if chosen:
        return chosen[-1]
    if named:
        known_seqs = ", ".join(str(i.first_seq) for i in named)
        raise ConfigError(
            f"coil {shown(wanted)} has no inspection from event {from_seq} on; known: {known_seqs}"
        )
    raise ConfigError(f"no coil {shown(wanted)} in the ledger; {_nearest(known, wanted)}")


def ended(inspection: Inspection) -> CoilReport:
    """The report of a coil that has one.

    Raises:
        ConfigError: it has none yet, or one that cannot be read.
    """
    if inspection.report is None:
        why = {"unreadable": "a report of another version of this program"}
        has = why.get(inspection.state, "no report yet")
        raise ConfigError(f"{shown(inspection.coil_id)!r}: has {has}, so it has no grade to change")
    return inspection.report


def others(known: Iterable[Inspection], chosen: Inspection) -> list[Inspection]:
    """Further inspections of the same coil."""
    return [i for i in known if i.coil_id == chosen.coil_id and i != chosen]


def _newest_ended(known: Sequence[Inspection]) -> Inspection:
    for state in ("finished", "interrupted"):
        ended = [i for i in known if i.state == state]
        if ended:
            return ended[-1]
    if known:
        raise ConfigError(
            f"no coil has ended yet; `coil report {shown(known[-1].coil_id)}` gives a preliminary"
            " report of the one that is running"
        )
    raise ConfigError("the ledger holds no coil yet")


def _nearest(known: Sequence[Inspection], wanted: str) -> str:
    names = list(dict.fromkeys(n for i in reversed(known) for n in (i.coil_id, i.subject)))
    if not names:
        return "it holds none yet"
    short = {name[:_NAME_LENGTH]: name for name in reversed(names)}
    near = difflib.get_close_matches(wanted[:_NAME_LENGTH], short, _NAMED)
    told = ", ".join(shown(short[name]) for name in near)
    if told:
        return f"the nearest ids: {told}"
    return f"the newest ids: {', '.join(shown(name) for name in names[:_NAMED])}"


def shown(name: str, length: int = _NAME_LENGTH) -> str:
    """A name for a terminal or a picture: no control characters, and not endless."""
    short = name if len(name) <= length else name[: length - 1] + "…"
    return printable(short)
