"""Roll repeats of one coil: defects of a class, in one band across, at a roll's circumference.

Fed with each newly announced defect, crowds left out; memory and time are bounded, whatever the
strip shows (`roll_marks.REMEMBERED`, `periodic.MOST_MARKS`, `periodic.MOST_PERIODS`, `SEARCHED`).
From a defect one looks back for a lattice (`periodic`); one of three defects or more whose
confidence reaches the config's is raised. A multiple of the period that was raised first, because
marks were missed, is corrected by a revision once another period explains the defects better; so is
a period that a mark at a wrong place has spoiled, once as many marks lie on another lattice up to
the newest.
"""

import math
from collections.abc import Iterable
from datetime import datetime

from contract.bodies import Defect, RollRepeat
from contract.events import Draft
from edge.config import Roll, Rolls
from edge.inspect.decide import Ending, Phase
from edge.inspect.periodic import Search, find_lattice
from edge.inspect.roll_lattice import OpenRepeat, points_of
from edge.inspect.roll_marks import ClassMarks, Mark, mark_of
from edge.lifecycle.geometry import TileSize
from edge.types import Coil

OPEN_AT_ONCE = 16
"""Repeats of a coil; while so many go on, no other is raised."""
SEARCHED = 8
"""New defects of a frame that are looked back from, the first along the strip; the others are
remembered, and go on with an open repeat.
"""


class RollRepeats:
    """The roll repeats of one coil. Owned by the inspecting thread."""

    def __init__(self, coil: Coil, size: TileSize, rules: Rolls) -> None:
        self._coil = coil
        self._size = size
        self._rules = rules
        ranges, log_limit = rules.ranges, math.log(1 - rules.confidence)
        self._search = Search(ranges, rules.turns, rules.position_error, log_limit)
        self._look_back_m = rules.turns * max((r.greatest_m for r in ranges), default=0.0)
        self._classes: dict[str, ClassMarks] = {}
        self._open: list[OpenRepeat] = []
        self._tried = 0
        self._count = 0

    def update(self, drafts: Iterable[Draft]) -> list[Draft]:
        """Take the newly announced defects among these drafts; what there is to tell of them."""
        if not self._search.ranges:
            return []
        new = [
            (mark_of(draft.body, self._size), draft.body.class_name, draft.time)
            for draft in drafts
            if isinstance(draft.body, Defect)
            and draft.body.revision == 1
            and not draft.body.crowded
        ]
        new.sort(key=lambda entry: entry[0].along_m)
        changed: dict[int, tuple[OpenRepeat, datetime]] = {}
        for number, (mark, class_name, time) in enumerate(new):
            repeat = self._take(mark, class_name, search=number < SEARCHED)
            if repeat is not None:
                changed[repeat.number] = repeat, time
        return [
            self._tell(repeat, "extended" if repeat.revision else "opened", time)
            for repeat, time in changed.values()
        ]

    def passed(self, at_m: float, time: datetime) -> list[Draft]:
        """Close what has not come back until here, in metres from the coil's head."""
        over = [repeat for repeat in self._open if at_m > repeat.over_m]
        self._open = [repeat for repeat in self._open if repeat not in over]
        return [self._tell(repeat, "closed", time) for repeat in over]

    def finish(self, phase: Ending, time: datetime) -> list[Draft]:
        """End all that is open: with the coil, or because the daemon stops."""
        ended, self._open = self._open, []
        return [self._tell(repeat, phase, time) for repeat in ended]

    def _take(self, mark: Mark, class_name: str, *, search: bool) -> OpenRepeat | None:
        """Enter a defect; the repeat that it began, went on with or corrected."""
        rules = self._rules
        known = self._classes.setdefault(class_name, ClassMarks())
        beside = [
            repeat
            for repeat in self._open
            if repeat.class_name == class_name and repeat.last.beside(mark, rules)
        ]
        home = _go_on(beside, mark)
        if not search:
            known.add(mark)
            return home
        before = known.before(mark, self._look_back_m, rules, self._coil.width_mm)
        known.add(mark)
        self._tried += 1
        found = find_lattice(before.band, self._search, self._tried)
        if found is None:
            return home
        points = points_of(found, before.marks, mark)
        owner = home or next((r for r in beside if r.shares(points) > 1), None)
        if owner is not None:
            follows = owner is not home and len(points) >= owner.repeats
            if found.log_chance >= owner.log_chance and not follows:
                return home
            owner.correct(points, found)
            return owner
        if len(self._open) >= OPEN_AT_ONCE:
            return None
        self._count += 1
        new = OpenRepeat(self._count, class_name, points, found, rules.position_error)
        self._open.append(new)
        return new

    def _tell(self, repeat: OpenRepeat, phase: Phase, time: datetime) -> Draft:
        repeat.revision += 1
        body = RollRepeat(
            repeat_id=f"{self._coil.id}/repeat-{repeat.number}",
            revision=repeat.revision,
            phase=phase,
            class_name=repeat.class_name,
            extent=repeat.extent,
            period_m=round(repeat.period_m, 6),
            period_error_m=round(repeat.error_m, 6),
            repeats=repeat.repeats,
            confidence=-math.expm1(repeat.log_chance),
            rolls=name_rolls(self._rules.table, repeat.period_m, repeat.error_m),
            defects=tuple(point.mark.id for point in repeat.points),
        )
        return Draft(body, self._coil.id, f"{repeat.number}.{repeat.revision}", time)


def raised(drafts: Iterable[Draft]) -> int:
    """How many repeats these drafts tell of for the first time."""
    bodies = (draft.body for draft in drafts)
    return sum(isinstance(body, RollRepeat) and body.revision == 1 for body in bodies)


def name_rolls(table: Iterable[Roll], period_m: float, error_m: float) -> tuple[str, ...]:
    """The rolls that can have this period within three standard errors, the likeliest first.

    The likelihood is that of a period anywhere in the roll's range: the part of `period_m` give or
    take `error_m` that lies within, over the length of the range.
    """
    likely = []
    for roll in table:
        least_m, greatest_m = roll.period
        if least_m - 3 * error_m <= period_m <= greatest_m + 3 * error_m:
            inside = _normal(greatest_m - period_m, error_m) - _normal(least_m - period_m, error_m)
            likely.append((inside / max(greatest_m - least_m, error_m, 1e-9), roll.name))
    return tuple(name for _, name in sorted(likely, key=lambda entry: -entry[0]))


def _normal(value: float, sigma: float) -> float:
    return 0.5 * math.erfc(-value / (max(sigma, 1e-9) * math.sqrt(2)))


def _go_on(beside: Iterable[OpenRepeat], mark: Mark) -> OpenRepeat | None:
    """The repeat whose next mark this is."""
    for repeat in beside:
        turns = repeat.turns_to(mark)
        if turns is not None:
            repeat.go_on(mark, turns)
            return repeat
    return None
