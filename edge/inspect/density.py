"""Dense defects: those of a class in ten metres that no event of their own tells of, as a number.

A coil is cut into stretches of ten metres from its head. Of each class and stretch the first
`limit` defects are told one by one; those that follow are counted, but for one that is more severe
than all told there so far, or that grows out of the stretch. A crowd is told as one and counts for
each of its defects, so its stretch has a number, too, however few they are. So whatever a stretch's
number stands for lies within it and is no worse than what was told one by one.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from contract.bodies import DefectDensity, Extent
from contract.events import Draft

STRETCH_M = 10.0
EVERY_ONE = sys.maxsize
"""A limit under which only crowds have a number."""


@dataclass(slots=True)
class _Count:
    count: int = 0
    told: int = 0
    worst: int = -1


class Density:
    """The counts of one coil, of the stretches that are not told yet. `limit` is of each class."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._counts: dict[tuple[int, str], _Count] = {}
        self._first = 0

    def stretch(self, at_m: float) -> int:
        """The stretch in which a defect counts that begins here: the first untold one at least, for
        strip that runs back.
        """
        return max(int(at_m // STRETCH_M), self._first)

    def add(self, stretch: int, class_name: str, defects: int) -> None:
        """So many defects of a class begin there."""
        self._of(stretch, class_name).count += defects

    def room(self, stretch: int, class_name: str) -> bool:
        """Whether the next one there is told whatever it is."""
        return self._of(stretch, class_name).told < self._limit

    def tells(self, stretch: int, class_name: str, severity: int, extent: Extent) -> bool:
        """Whether one that began there is told though there is no room; `severity` is its rank, -1
        without.
        """
        from_m = stretch * STRETCH_M
        beyond = extent.from_m < from_m or extent.to_m > from_m + STRETCH_M
        return beyond or severity > self._of(stretch, class_name).worst

    def told(self, stretch: int, class_name: str) -> None:
        """One was announced."""
        self._of(stretch, class_name).told += 1

    def saw(self, stretch: int, class_name: str, severity: int) -> None:
        """One that is told on its own has this severity."""
        if stretch >= self._first:
            known = self._of(stretch, class_name)
            known.worst = max(known.worst, severity)

    def due(self, passed_m: float, waits: int | None = None) -> list[DefectDensity]:
        """The stretches that have passed up to here, from `waits` on excepted; each once."""
        end = int(passed_m // STRETCH_M)
        end = end if waits is None else min(end, waits)
        self._first = max(self._first, end)
        found = list(self._dense(passed_m, end))
        self._counts = {at: n for at, n in self._counts.items() if at[0] >= end}
        return found

    def finish(self, length_m: float) -> list[DefectDensity]:
        """All that is left, at the coil's end."""
        found = self.untold(length_m)
        self._counts = {}
        return list(found)

    def untold(self, passed_m: float) -> tuple[DefectDensity, ...]:
        """What would be told if the coil ended here, for the watermark."""
        return tuple(self._dense(passed_m, None))

    def _of(self, stretch: int, class_name: str) -> _Count:
        return self._counts.setdefault((stretch, class_name), _Count())

    def _dense(self, passed_m: float, end: int | None) -> Iterator[DefectDensity]:
        for (stretch, name), known in sorted(self._counts.items(), key=lambda item: item[0]):
            if known.count > known.told and (end is None or stretch < end):
                yield _body(stretch, name, known, passed_m)


def _body(stretch: int, name: str, known: _Count, passed_m: float) -> DefectDensity:
    from_m = stretch * STRETCH_M
    length_m = min(STRETCH_M, passed_m - from_m)
    length_m = length_m if length_m > 0 else STRETCH_M
    return DefectDensity(
        class_name=name,
        from_m=from_m,
        to_m=round(from_m + length_m, 6),
        count=known.count,
        told=known.told,
        per_10_m=round(known.count * STRETCH_M / length_m, 3),
    )


def tell_density(body: DefectDensity, coil: str, time: datetime) -> Draft:
    """The event; a stretch of a class has one id, whoever tells it."""
    return Draft(body, coil, f"{body.class_name}@{body.from_m:g}", time)
