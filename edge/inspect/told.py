"""What a coil's events told of it: as much as its report needs, of 100,000 defects too.

Of a coil that a crash broke off every event is read before anything is inspected. So of a defect
only the few fields that count are parsed and kept.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, Self

import msgspec

from contract.bodies import (
    KINDS,
    CoilCorrected,
    CoilData,
    Defect,
    DefectDensity,
    EventBody,
    ModelChanged,
    ModelReference,
    NotInspected,
    Outcome,
)
from contract.events import Event
from edge.ledger.reader import EventReader

_COUNTS = (CoilCorrected, DefectDensity, ModelChanged, NotInspected)


@dataclass(slots=True)
class _Defect:
    defect_id: str
    revision: int
    class_name: str
    merged_into: str | None
    severity: str | None = None
    schema_version: Literal["1"] = "1"


@dataclass(slots=True)
class _DefectEvent:
    data: _Defect


_DEFECT = msgspec.json.Decoder(_DefectEvent)


@dataclass(slots=True)
class Told:
    """Of one coil, up to now."""

    defects: Counter[str] = field(default_factory=Counter)
    """By class: those announced, and those told as a number."""
    severities: dict[str, str | None] = field(default_factory=dict)
    """By `defect_id`, of its newest revision; None also of one that is part of another."""
    outcomes: set[Outcome] = field(default_factory=set)
    """Of stretches not inspected."""
    models: list[ModelReference] = field(default_factory=list)
    """Those that took over."""
    data: CoilData | None = None
    """Of the newest correction."""
    unread: list[int] = field(default_factory=list)
    """Numbers of the events that count and cannot be read."""
    mark_whole: bool = True
    """False where what stands in the watermark beside the tally cannot be read."""

    @property
    def whole(self) -> bool:
        """Whether all that was told of the coil is known."""
        return self.mark_whole and not self.unread

    @classmethod
    def by(cls, bodies: Iterable[EventBody]) -> Self:
        """What these say, in their order."""
        told = cls()
        for body in bodies:
            told.add(body)
        return told

    def add(self, body: EventBody) -> None:
        """Take in an event of the coil."""
        match body:
            case Defect():
                self._defect(body)
            case DefectDensity():
                self.defects[body.class_name] += body.count - body.told
            case NotInspected():
                self.outcomes.add(body.outcome)
            case ModelChanged():
                self.models.append(body.after)
            case CoilCorrected():
                self.data = body.data
            case _:
                pass

    def read(self, seq: int, kind: str, body: bytes) -> None:
        """Take in an event as the ledger holds it; what a later version of this program added is
        left out.
        """
        try:
            if kind == Defect.kind:
                self._defect(_DEFECT.decode(body).data)
            elif KINDS.get(kind) in _COUNTS:
                self.add(Event.model_validate_json(body, extra="ignore").known())
        except (ValueError, RecursionError):
            self.unread.append(seq)

    def _defect(self, defect: Defect | _Defect) -> None:
        if defect.revision == 1:
            self.defects[defect.class_name] += 1
        kept = defect.merged_into is None
        self.severities[defect.defect_id] = defect.severity if kept else None


def told_of(reader: EventReader, started: Event, last_seq: int) -> Told:
    """What the ledger holds of a coil from its start on, up to that event.

    Raises:
        LedgerError: it cannot be read.
    """
    told = Told()
    for event in reader.bodies_of_coil(started.subject or "", started.seq, last_seq):
        told.read(*event)
    return told
