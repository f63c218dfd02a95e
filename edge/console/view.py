"""What the operator's page knows, computed from events alone: no web, no files, no clock.

Bounded for ever: of an endless coil only the newest `MAX_MARKS` defects and `MAX_STRETCHES`
stretches are kept, and the page says how many were left out.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from contract.bodies import (
    CoilCorrected,
    CoilReport,
    CoilStarted,
    Defect,
    EventBody,
    Extent,
    Measure,
    NotInspected,
    RollRepeat,
)
from contract.events import Event
from edge.report.joining import join, label

MAX_MARKS = 20_000
MAX_STRETCHES = 5_000
MAX_RECENT = 50
MAX_REPEATS = 20
MAX_NAMES = 1000
"""So many corrected ids are known: the page names the coils of its newest defects at most."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A defect by its newest revision."""

    defect_id: str
    coil: str
    class_name: str
    extent: Extent
    probability: float
    phase: str
    evidence: str | None
    seen: datetime
    measure: Measure | None = None


@dataclass(slots=True)
class CoilView:
    """All that was heard of one coil. `id` is the subject of its events; `width_mm` is None while
    its start was not seen.
    """

    id: str
    width_mm: float | None
    newest_m: float = 0.0
    changes: int = 0
    """Counts the revisions of its defects, so that a drawing knows when it is old."""
    marks: dict[str, Mark] = field(default_factory=dict)
    merged: set[str] = field(default_factory=set)
    found: Counter[str] = field(default_factory=Counter)
    """Defects per class, those left out included."""
    left_out: int = 0
    stretches: list[NotInspected] = field(default_factory=list)
    uninspected_m: dict[str, float] = field(default_factory=dict)
    """Metres of full width by `outcome(reason)`: half the width over 2 m counts as 1 m."""
    repeats: dict[str, RollRepeat] = field(default_factory=dict)
    """Roll repeats by their newest revision, the newest repeat last."""
    report: CoilReport | None = None

    def reached(self, position_m: float) -> None:
        """The strip has been seen up to here."""
        self.newest_m = max(self.newest_m, position_m)

    def defect(self, mark: Mark, merged_into: str | None) -> None:
        """Enter a defect's revision; one that was merged into another is no defect of its own."""
        self.reached(mark.extent.to_m)
        self.changes += 1
        known = self.marks.pop(mark.defect_id, None)
        if mark.defect_id in self.merged:
            return
        if merged_into is not None:
            self.merged.add(mark.defect_id)
            self.found[mark.class_name] -= known is not None
            return
        self.found[mark.class_name] += known is None
        self.marks[mark.defect_id] = mark
        if len(self.marks) > MAX_MARKS:
            self.marks.pop(next(iter(self.marks)))
            self.left_out += 1

    def missed(self, body: NotInspected) -> None:
        """Enter a stretch that nobody looked at; neighbours of one reason become one stretch."""
        self.reached(body.extent.to_m)
        why = label(body)
        self.uninspected_m[why] = self.uninspected_m.get(why, 0.0) + self._full_width_m(body.extent)
        join(self.stretches, body)
        del self.stretches[:-MAX_STRETCHES]

    def repeat(self, body: RollRepeat) -> None:
        """Enter a roll repeat's revision."""
        self.reached(body.extent.to_m)
        self.repeats[body.repeat_id] = body
        while len(self.repeats) > MAX_REPEATS:
            self.repeats.pop(next(iter(self.repeats)))

    def _full_width_m(self, extent: Extent) -> float:
        share = (extent.to_mm - extent.from_mm) / self.width_mm if self.width_mm else 1.0
        return (extent.to_m - extent.from_m) * min(1.0, share)


class LineView:
    """The current coil, the one before, and the newest defects of any coil."""

    def __init__(self) -> None:
        self.coil: CoilView | None = None
        self.previous: CoilView | None = None
        self.seq = 0
        self.newest_event: datetime | None = None
        self._recent: dict[str, Mark] = {}
        self._names: dict[str, str] = {}

    def name_of(self, subject: str) -> str:
        """The id that a coil has by now."""
        return self._names.get(subject, subject)

    @property
    def recent(self) -> Iterable[Mark]:
        """The newest defects, newest first."""
        return reversed(self._recent.values())

    def apply(self, event: Event, body: EventBody) -> None:
        """Take in the next event, in the order of `seq`."""
        self.seq = event.seq
        self.newest_event = event.time
        if event.subject is None:
            return
        if isinstance(body, CoilStarted):
            self._started(event.subject, body)
        elif isinstance(body, CoilCorrected):
            self._corrected(event.subject, body)
        elif isinstance(body, Defect):
            self._defect(event.subject, body)
        elif isinstance(body, NotInspected):
            if (coil := self._coil(event.subject)) is not None:
                coil.missed(body)
        elif isinstance(body, RollRepeat):
            if (coil := self._coil(event.subject)) is not None:
                coil.repeat(body)
        elif isinstance(body, CoilReport) and (coil := self._coil(event.subject)) is not None:
            coil.report = body
            coil.reached(body.length_m)

    def _coil(self, coil_id: str) -> CoilView | None:
        """The coil of an event: the last two are known, and the first one ever heard of is taken
        as it comes.
        """
        if self.coil is None:
            self.coil = CoilView(coil_id, None)
        known = (self.coil, self.previous)
        return next((c for c in known if c is not None and c.id == coil_id), None)

    def _started(self, coil_id: str, body: CoilStarted) -> None:
        """A new coil; a start repeated after a crash goes on with what is known of its coil."""
        current = self.coil
        if current is not None and current.id == coil_id and current.report is None:
            current.width_mm = body.width_mm
            return
        self.previous, self.coil = current, CoilView(coil_id, body.width_mm)

    def _corrected(self, coil_id: str, body: CoilCorrected) -> None:
        self._names.pop(coil_id, None)
        self._names[coil_id] = body.coil_id
        while len(self._names) > MAX_NAMES:
            self._names.pop(next(iter(self._names)))

    def _defect(self, coil_id: str, body: Defect) -> None:
        mark = Mark(
            body.defect_id, coil_id, body.class_name, body.extent,
            body.probability, body.phase, body.evidence, body.grabbed, body.measure,
        )  # fmt: skip
        if (coil := self._coil(coil_id)) is not None:
            coil.defect(mark, body.merged_into)
        if body.merged_into is not None:
            self._recent.pop(body.defect_id, None)
        elif body.defect_id in self._recent or body.revision == 1:
            self._recent[body.defect_id] = mark
            while len(self._recent) > MAX_RECENT:
                self._recent.pop(next(iter(self._recent)))
