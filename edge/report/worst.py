"""Which defects matter most, where there is room for some only."""

import heapq
from collections.abc import Sequence

from edge.report.document import FoundDefect


class Worst:
    """Ranks defects: by severity, then those whose size was measured, the largest first.

    Args:
        severities: From the mildest to the worst; empty where no rules give them.
    """

    def __init__(self, severities: Sequence[str]) -> None:
        self._rank = {name: rank for rank, name in enumerate(severities)}

    def of(self, defects: Sequence[FoundDefect], count: int) -> list[FoundDefect]:
        """So many of them, the worst first."""
        return heapq.nlargest(count, defects, key=self._key)

    def order(self, severities: Sequence[str]) -> list[str]:
        """Severities, the worst first; those that no rule names come last."""
        return sorted(severities, key=lambda name: (-self._rank.get(name, -1), name))

    def _key(self, defect: FoundDefect) -> tuple[int, bool, float, float]:
        rank = self._rank.get(defect.severity, -1) if defect.severity is not None else -1
        if defect.measure is not None:
            return rank, True, defect.measure.area_mm2, defect.probability
        at = defect.extent
        area_mm2 = (at.to_m - at.from_m) * 1000 * (at.to_mm - at.from_mm)
        return rank, False, area_mm2, defect.probability
