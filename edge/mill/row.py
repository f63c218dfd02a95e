"""The coils on the strip, head after head: every metre is of exactly one of them.

Heads rise strictly. What was answered to the inspecting thread is not taken back: no head moves, is
added or goes away before the furthest metre that was asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from edge.mill.doubts import Doubts
from edge.mill.odometer import Odometer
from edge.types import Coil

LEAST_M = 0.01
"""Two heads lie at least so far apart."""
BOUNCE_NS = 1_000_000_000
"""A relay has stopped bouncing by then."""
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
    """When its head passed."""
    raw_m: float | None = None
    """Where the mill says that its head lies; None: it began with the daemon."""
    placed: bool = False
    """A block has come since, so that its head moves no more."""
    sure: bool = False
    """The strip was measured when its head passed."""
    between: bool = False
    """Strip behind a tail, before the next head."""
    answered: bool = False

    @property
    def rank(self) -> tuple[float, int]:
        """Which head is before which: at one place the one that passed first."""
        if self.mark is None or self.raw_m is None:
            return float("-inf"), 0
        return self.raw_m, self.mark.at_ns

    def goes_by(self, names: Sequence[str], *, now: bool) -> bool:
        """Whether it is called one of these; with `now` not by an id of the mill's that it had only
        until a correction.
        """
        subject = self.coil.id
        is_ours = self.coil.provisional or "~" in subject
        return self.name in names or (subject in names and (is_ours or not now))


class CoilRow:
    """Not for several threads: its owner locks.

    Args:
        first: the coil that runs at the start.
        odometer: where the strip was when.
        bounce_m: two heads within so much strip are one.
        doubts: told of the coils that have no strip.
    """

    def __init__(self, first: Passing, odometer: Odometer, bounce_m: float, doubts: Doubts) -> None:
        self._odometer = odometer
        self._bounce_m = bounce_m
        self._doubts = doubts
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

    def knows(self, mark: Mark) -> bool:
        """Whether the strip was measured at that moment."""
        return self._odometer.knows(mark.at_ns)

    def around(self, mark: Mark) -> tuple[Passing, Passing | None]:
        """The coils whose heads a new one there would lie between. What was answered is before it,
        wherever it lies.
        """
        index, rank = len(self._coils), (self.place(mark), mark.at_ns)
        while index > 1 and not self._coils[index - 1].answered:
            if self._coils[index - 1].rank <= rank:
                break
            index -= 1
        return self._coils[index - 1], self._coils[index] if index < len(self._coils) else None

    def begin(self, passing: Passing, mark: Mark) -> None:
        """A head, not before what was answered."""
        passing.mark = mark
        self._refine(passing)
        self._coils.append(passing)
        self._arrange()

    def drop(self, passing: Passing) -> None:
        """Take a coil back that nobody has asked for, unless it is the only one."""
        if not passing.answered and len(self._coils) > 1:
            self._coils = [coil for coil in self._coils if coil is not passing]

    def make_room(self, mark: Mark) -> bool:
        """Take the oldest head back that passed while no frame came, long before this one: its
        strip is not seen. Returns whether there was one.
        """
        unseen = (c for c in self._coils if not c.answered and not c.placed)
        oldest = next((c for c in unseen if c.mark is not None), None)
        if oldest is None or mark.at_ns - oldest.rank[1] <= BOUNCE_NS:
            return False
        self.drop(oldest)
        return True

    @property
    def ahead(self) -> int:
        """Coils that nobody has asked for yet."""
        return sum(not passing.answered for passing in self._coils)

    def answer(self, first_m: float, end_m: float) -> tuple[Coil, ...]:
        """The coils of a stretch, as `CoilSource` wants them. The tail of the last one is open."""
        for passing in self._coils:
            if not passing.answered:
                self._refine(passing)
        self._arrange()
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
        if passing.mark is not None and not passing.placed:
            passing.raw_m = self.place(passing.mark)
            passing.sure = self.knows(passing.mark)
            passing.placed = self._odometer.passed(passing.mark.at_ns)

    def _arrange(self) -> None:
        """Put what was not answered in order, each head at a place of its own."""
        kept = [coil for coil in self._coils if coil.answered]
        settled = len(kept)
        for passing in sorted((c for c in self._coils if not c.answered), key=lambda c: c.rank):
            before = kept[-1] if kept else None
            if before is not None and self._bounced(before, passing):
                self._doubts.say("bounced", f"a head within {self._bounce_m:g} m of another")
                continue
            if before is not None and self._hides(before, passing):
                del kept[-1]
            kept.append(passing)
        self._coils = kept
        for index in range(settled, len(kept)):
            self._settle(index)

    def _bounced(self, before: Passing, passing: Passing) -> bool:
        """Whether that is the same head, which could not be known when it was told."""
        is_nameless = passing.name is None and not passing.between and not before.between
        return is_nameless and self._is_near(before, passing)

    def _hides(self, before: Passing, passing: Passing) -> bool:
        """Whether nothing is left of the coil before, which nobody has asked for."""
        if before.answered:
            return False
        if before.name is None and not passing.between and self._is_near(before, passing):
            return True  # the same head, named by now, or a tail at a head
        begun_m = before.coil.head_m if before.raw_m is None else before.raw_m
        is_placed = passing.placed and (before.placed or before.raw_m is None)
        hidden_m = max(begun_m, self._told_m) + LEAST_M
        if not is_placed or max(passing.rank[0], self._told_m) >= hidden_m:
            return False
        if before.name is not None:
            text = f"coil {before.name!r} has no strip of its own: the next head was told with it"
            self._doubts.say("passed", text)
        return True

    def _is_near(self, one: Passing, other: Passing) -> bool:
        is_sure = one.placed and one.sure and other.placed and other.sure
        return is_sure and abs(one.rank[0] - other.rank[0]) < self._bounce_m

    def _settle(self, index: int) -> None:
        """Put a head where it is said to lie, behind the one before and what was answered."""
        passing = self._coils[index]
        if passing.raw_m is None:
            return
        head_m = max(passing.raw_m, self._told_m)
        late_m = head_m - passing.raw_m
        if index > 0:
            head_m = max(head_m, self._coils[index - 1].coil.head_m + LEAST_M)
        late_m = round(late_m, 3) if late_m > LEAST_M else 0.0
        passing.coil = replace(passing.coil, head_m=head_m, late_m=late_m)
        passing.known = replace(passing.known, head_m=head_m, late_m=late_m)
