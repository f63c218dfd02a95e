"""The coils on the strip, head after head: every metre is of exactly one of them.

Heads rise strictly. What was answered to the inspecting thread is not taken back: no head moves, is
added or goes away before the furthest metre that was asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from edge.mill.odometer import Odometer
from edge.types import Coil

LEAST_M = 0.01
"""Two heads lie at least so far apart."""
KEPT = 64
"""Coils that have passed and may still be corrected without asking the ledger."""


class Mark(NamedTuple):
    """A place on the strip: so far beyond what lay at the reference at a moment."""

    at_ns: int
    beyond_m: float = 0.0


@dataclass(slots=True)
class Passing:
    """A coil, as it was told and as it is known now."""

    coil: Coil
    known: Coil
    name: str | None
    """The mill's id; None while it has told none."""
    told_ns: int
    changed: datetime
    """When its head was told, or it was corrected last."""
    mark: Mark | None = None
    """Where its head lies, until a block has come since."""
    raw_m: float | None = None
    """Where the mill says that its head lies; None: it began with the daemon."""
    between: bool = False
    """Strip behind a tail, before the next head."""
    answered: bool = False

    def goes_by(self, names: Sequence[str], *, now: bool) -> bool:
        """Whether it is called one of these; with `now` not by an id of the mill's that it had only
        until a correction.
        """
        subject = self.coil.id
        is_ours = self.coil.provisional or "~" in subject
        return self.name in names or (subject in names and (is_ours or not now))


class CoilRow:
    """Not for several threads: its owner locks."""

    def __init__(self, first: Passing, odometer: Odometer) -> None:
        self._odometer = odometer
        self._coils = [first]
        self._told_m = first.coil.head_m

    @property
    def newest(self) -> Passing:
        """The coil at the reference, or further upstream where its head was told in advance."""
        return self._coils[-1]

    @property
    def running(self) -> Passing:
        """The newest one that is a coil and not strip between two."""
        return next((c for c in reversed(self._coils) if not c.between), self.newest)

    @property
    def last_name(self) -> str | None:
        """The mill's id of the newest coil that has one."""
        return next((c.name for c in reversed(self._coils) if c.name is not None), None)

    def find(self, names: Sequence[str], *, now: bool = False) -> Passing | None:
        """The newest coil that goes by one of them."""
        return next((c for c in reversed(self._coils) if c.goes_by(names, now=now)), None)

    def place(self, mark: Mark) -> float:
        """Where that is, on the line's count."""
        return self._odometer.at(mark.at_ns) + mark.beyond_m

    def around(self, line_m: float) -> tuple[Passing, Passing | None]:
        """The coils whose heads a new one at that place would lie between. What was answered is
        before it, wherever it lies.
        """
        index = self._index(line_m)
        return self._coils[index - 1], self._coils[index] if index < len(self._coils) else None

    def begin(self, passing: Passing, mark: Mark) -> Passing | None:
        """A head, not before what was answered; returns the coil that has got no strip by that."""
        passing.mark, passing.raw_m = mark, self.place(mark)
        head_m, passed = max(passing.raw_m, self._told_m), None
        index = self._index(passing.raw_m)
        before = self._coils[index - 1]
        if not before.answered and head_m < before.coil.head_m + LEAST_M:
            index, passed = index - 1, before
            del self._coils[index]
        self._coils.insert(index, passing)
        for later in range(index, len(self._coils)):
            self._settle(later)
        return passed

    def drop(self, passing: Passing) -> None:
        """Take a coil back that nobody has asked for, unless it is the only one."""
        if not passing.answered and len(self._coils) > 1:
            self._coils = [coil for coil in self._coils if coil is not passing]

    def _index(self, line_m: float) -> int:
        """Where in the row such a head belongs: never first."""
        index = len(self._coils)
        while index > 1:
            before = self._coils[index - 1]
            if before.answered or before.raw_m is None or before.raw_m <= line_m:
                break
            index -= 1
        return index

    @property
    def ahead(self) -> int:
        """Coils that nobody has asked for yet."""
        return sum(not passing.answered for passing in self._coils)

    def answer(self, first_m: float, end_m: float) -> tuple[Coil, ...]:
        """The coils of a stretch, as `CoilSource` wants them. The tail of the last one is open."""
        for index, passing in enumerate(self._coils):
            if not passing.answered:
                self._refine(passing)
                self._settle(index)
        self._told_m = max(self._told_m, first_m, end_m)
        ends = [*(passing.coil.head_m for passing in self._coils[1:]), float("inf")]
        found = []
        for index, (passing, tail_m) in enumerate(zip(self._coils, ends, strict=True)):
            head_m = passing.coil.head_m
            if index > 0 and head_m >= end_m and head_m > first_m:
                break
            passing.answered = True
            if tail_m > first_m:
                found.append(passing)
        del self._coils[: max(0, len(self._coils) - KEPT)]
        tails = [*(passing.coil.head_m for passing in found[1:]), None]
        return tuple(replace(p.coil, tail_m=tail) for p, tail in zip(found, tails, strict=True))

    def _refine(self, passing: Passing) -> None:
        """Where its head is said to lie: exact once a block has come since the pulse."""
        if passing.mark is not None:
            passing.raw_m = self.place(passing.mark)
            if self._odometer.passed(passing.mark.at_ns):
                passing.mark = None

    def _settle(self, index: int) -> None:
        """Put a head where it is said to lie, behind the one before and what was answered."""
        passing = self._coils[index]
        if passing.raw_m is None:
            return
        least_m = self._told_m
        if index > 0:
            least_m = max(least_m, self._coils[index - 1].coil.head_m + LEAST_M)
        head_m = max(passing.raw_m, least_m)
        late_m = head_m - passing.raw_m
        late_m = round(late_m, 3) if late_m > LEAST_M else 0.0
        passing.coil = replace(passing.coil, head_m=head_m, late_m=late_m)
        passing.known = replace(passing.known, head_m=head_m, late_m=late_m)
