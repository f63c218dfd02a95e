"""How severe one defect is, and where across the strip it lies."""

from collections.abc import Callable
from typing import NamedTuple

from contract.bodies import Defect, Extent, Measure
from edge.grading.rules import Across, By, DefectRule, Rules, Zones


class Severity(NamedTuple):
    """What the rules call a defect, and that name's place among the severities, the mildest 0."""

    name: str | None
    rank: int


NONE = Severity(None, -1)
Assess = Callable[[Defect], Severity]


def worst_of(*found: Severity) -> Severity:
    """Of the revisions of a defect, which may be measured to be smaller than it seemed."""
    return max(found, key=lambda each: each.rank)


def unassessed(_: Defect) -> Severity:
    """Without rules."""
    return NONE


class Size(NamedTuple):
    """On the strip: as measured where all of it was, else of the box of the defect's tiles, which
    is never smaller than a tile.
    """

    length_mm: float
    width_mm: float
    area_mm2: float


def whole_measure(defect: Defect) -> Measure | None:
    """What was measured of all of it; None where a part was left out, or nothing stood out."""
    measure = defect.measure
    return measure if measure is not None and measure.complete else None


def size_of(defect: Defect) -> Size:
    """As it was measured, or how large it can be at most."""
    measure = whole_measure(defect)
    if measure is not None:
        return Size(measure.length_mm, measure.width_mm, measure.area_mm2)
    extent = defect.extent
    # Extents are whole micrometres: 64 mm must not be more than 64 mm.
    along_mm = round((extent.to_m - extent.from_m) * 1000, 3)
    sides = along_mm, round(extent.to_mm - extent.from_mm, 3)
    return Size(max(sides), min(sides), sides[0] * sides[1])


def place_of(defect: Defect) -> Extent:
    """Of what was measured where all of it was, else of its tiles."""
    measure = whole_measure(defect)
    return defect.extent if measure is None else measure.extent


def across_of(defect: Defect, zones: Zones, width_mm: float) -> tuple[Across, ...]:
    """The zones of the width that a defect reaches into."""
    extent = place_of(defect)
    operator_mm, drive_mm = zones.operator_edge_mm, width_mm - zones.drive_edge_mm
    found: list[Across] = []
    if zones.operator_edge_mm and extent.from_mm < operator_mm:
        found.append("operator_edge")
    if zones.drive_edge_mm and extent.to_mm > drive_mm:
        found.append("drive_edge")
    inside = extent.to_mm > operator_mm and extent.from_mm < drive_mm
    if inside or not found:
        found.append("middle")
    return tuple(found)


def severity(defect: Defect, width_mm: float, rules: Rules) -> Severity:
    """The worst that a rule gives it; `NONE` where none applies.

    Only what is known while the coil runs is asked: not where its tail will be.
    """
    views: dict[By, _View] = {}
    for rank, rule in rules.worst_first:
        if rule.by not in views:
            views[rule.by] = _view(defect, rule.by, rules.zones, width_mm)
        if _applies(rule, defect.class_name, *views[rule.by]):
            return Severity(rule.severity, rank)
    return NONE


class _View(NamedTuple):
    size: Size
    zones: tuple[Across, ...]


def _view(defect: Defect, by: By, zones: Zones, width_mm: float) -> _View:
    seen = defect if by == "measure" else defect.model_copy(update={"measure": None})
    return _View(size_of(seen), across_of(seen, zones, width_mm))


def _applies(rule: DefectRule, name: str, size: Size, zones: tuple[Across, ...]) -> bool:
    return (
        (rule.classes is None or name in rule.classes)
        and (rule.across is None or not set(rule.across).isdisjoint(zones))
        and (rule.longer_than_mm is None or size.length_mm > rule.longer_than_mm)
        and (rule.wider_than_mm is None or size.width_mm > rule.wider_than_mm)
        and (rule.larger_than_mm2 is None or size.area_mm2 > rule.larger_than_mm2)
    )
