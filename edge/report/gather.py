"""One coil's events, read once.

Of a coil with 200,000 defects and their revisions every event is hashed, but only the highest
revision of each defect is parsed: at once where it says `closed`, else when all were read. Its id
is cut out of the body's bytes. A quotation mark within a JSON string is always escaped, so
`"defect_id":"` can stand nowhere but at that key.
"""

from dataclasses import dataclass, field
from operator import attrgetter

import msgspec

from contract.bodies import (
    Defect,
    DefectDensity,
    EventBody,
    ModelChanged,
    NotInspected,
    RollRepeat,
)
from contract.events import Event
from edge.errors import LedgerError
from edge.ledger.digest import Digest
from edge.ledger.inspections import Inspection
from edge.ledger.reader import EventReader
from edge.report.document import FoundDefect, LedgerRange
from edge.report.joining import join

_ID = b'"defect_id":"'
_AFTER_ID = b'","revision":'
_HEAD = 150
"""Bytes of an event that come before its data at least: source, type, subject and time."""
_CLOSED = b',"phase":"closed"'
_REVISION = 24
"""Bytes within which the phase stands behind the id."""


@dataclass(slots=True)
class _DefectEvent:
    data: FoundDefect


_DEFECT = msgspec.json.Decoder(_DefectEvent)


@dataclass(slots=True)
class Gathered:
    """What a coil's events say."""

    defects: list[FoundDefect] = field(default_factory=list)
    """Highest revisions, by position along; without those merged into another."""
    merged: int = 0
    missing: list[NotInspected] = field(default_factory=list)
    """In the order told; neighbours of one reason are joined."""
    densities: list[DefectDensity] = field(default_factory=list)
    repeats: dict[str, RollRepeat] = field(default_factory=dict)
    """Highest revisions by `repeat_id`."""
    takeovers: list[ModelChanged] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    """Stretches not inspected and changes of model as they were told."""
    unknown: int = 0
    """Events of a kind, or with data, that this version does not know."""
    ledger: LedgerRange = field(default_factory=lambda: _range(Digest()))

    @property
    def announced(self) -> int:
        """Defects as a coil's own report counts them: also merged ones, and those in densities."""
        in_density = sum(stretch.count - stretch.told for stretch in self.densities)
        return len(self.defects) + self.merged + in_density


def gather(reader: EventReader, inspection: Inspection) -> Gathered:
    """Read all there is of one inspection.

    Raises:
        LedgerError: the ledger cannot be read, or a defect in it is damaged.
    """
    found, newest, digest = Gathered(), dict[bytes, bytes | FoundDefect](), Digest()
    last = inspection.last_seq or reader.last_seq()
    if inspection.reported is not None:  # a grade of just now is in neither the report nor the sum
        last = min(last, inspection.newest_seq)
    for seq, kind, body in reader.bodies_of_coil(inspection.subject, inspection.first_seq, last):
        digest.add(seq, body)
        if kind == Defect.kind:
            _enter(newest, body)
        else:
            _take(found, body)
    found.defects = _kept(newest, found)
    found.ledger = _range(digest)
    return found


def coil_digest(reader: EventReader, subject: str, first_seq: int, last_seq: int) -> LedgerRange:
    """The events of a range as the ledger holds them now, to be compared with a report's.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    digest = Digest()
    for seq, _, body in reader.bodies_of_coil(subject, first_seq, last_seq):
        digest.add(seq, body)
    return _range(digest)


def _range(digest: Digest) -> LedgerRange:
    return LedgerRange(
        first_seq=digest.first, last_seq=digest.last, events=digest.events, sha256=digest.sha256
    )


def _enter(newest: dict[bytes, bytes | FoundDefect], body: bytes) -> None:
    """Keep what an event says of a defect, in place of what one before it said."""
    start = body.find(_ID, _HEAD) + len(_ID)
    end = body.find(_AFTER_ID, start)
    if start < _HEAD or end < 0:
        newest[_id_of(body)] = body
        return
    end_of_phase = end + len(_AFTER_ID) + _REVISION + len(_CLOSED)
    is_last = body.find(_CLOSED, end, end_of_phase) >= 0
    newest[body[start:end]] = _parsed(body) if is_last else body


def _id_of(body: bytes) -> bytes:
    """The defect's id of a body that another program wrote."""
    try:
        return str(Event.model_validate_json(body).data["defect_id"]).encode()
    except (ValueError, KeyError) as error:
        raise LedgerError(
            f"an event of a defect is damaged ({body[:120]!r}...); move that file of the ledger"
            " away and keep it for examination"
        ) from error


def _parsed(body: bytes) -> FoundDefect | bytes:
    """The defect; as it was where it is damaged, since a later event may replace it."""
    try:
        return _DEFECT.decode(body).data
    except (ValueError, RecursionError):
        return body


def _kept(newest: dict[bytes, bytes | FoundDefect], found: Gathered) -> list[FoundDefect]:
    """By position; those merged into another are counted."""
    defects = []
    for key, told in newest.items():
        defect = _parsed(told) if isinstance(told, bytes) else told
        if isinstance(defect, bytes):
            raise LedgerError(
                f"defect {key.decode(errors='replace')}: its newest event in the ledger is damaged;"
                " move that file away and keep it for examination"
            )
        if defect.merged_into is None:
            defects.append(defect)
    found.merged = len(newest) - len(defects)
    return sorted(defects, key=attrgetter("extent.from_m", "extent.from_mm"))


def _take(found: Gathered, raw: bytes) -> None:
    """Enter an event that is no defect."""
    try:
        event = Event.model_validate_json(raw)
        body: EventBody = event.body()
    except ValueError:
        found.unknown += 1
        return
    match body:
        case NotInspected():
            join(found.missing, body)
            found.events.append(event)
        case DefectDensity():
            found.densities.append(body)
        case RollRepeat():
            found.repeats[body.repeat_id] = body
        case ModelChanged():
            found.takeovers.append(body)
            found.events.append(event)
        case _:
            pass
