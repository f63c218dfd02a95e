"""The defects on the map.

Each defect's box is drawn to scale while there are few. Every defect is in a small mark: near ones
of a class share one that is larger, and where classes with many marks share a place, the most
frequent one there is drawn. So 200,000 defects are some 10,000 marks. The worst ones carry their
letter, where there is room.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np

from edge.report.document import Box, FoundDefect
from edge.report.glyphs import Glyphs
from edge.report.scale import TOP, Rect, Scale

BOXES_TO = 600
"""Up to so many defects each has its box."""
BIN = 18
"""Marks nearer than this are one, in units of the drawing."""
ALL_TO = 300
"""A class with no more marks than this has all of them drawn."""
_LETTERED_MOST = 400
_SAMPLE = 4000
_LETTER_CELL = 42
_LEAST_BOX = 4.0
_FEW, _MANY = 2, 10

Place = tuple[int, int, int]
"""Band, and column and row of a bin in it."""


class _Bin(NamedTuple):
    x: float
    y: float
    defects: int


def draw_marks(
    defects: list[FoundDefect], worst: Iterable[FoundDefect], scale: Scale, glyphs: Glyphs
) -> str:
    """All defects of a coil; `worst` get a letter first, then some from everywhere."""
    boxes = _boxes(defects, scale, glyphs) if len(defects) <= BOXES_TO else ""
    sample = defects[:: len(defects) // _SAMPLE + 1]
    lettered = _lettered(chain(worst, sample), scale, glyphs)
    return boxes + _small(defects, scale, glyphs) + lettered


def _boxes(defects: list[FoundDefect], scale: Scale, glyphs: Glyphs) -> str:
    paths = defaultdict[str, list[str]](list)
    for defect in defects:
        at = _place_of(defect)
        rects = scale.rects((at.from_m, at.to_m), (at.from_mm, at.to_mm), _LEAST_BOX)
        paths[defect.class_name] += map(path_of, rects)
    return "".join(
        f'<path class="box" fill="{glyphs[name].colour}" d="{"".join(path)}"/>'
        for name, path in paths.items()
    )


def _place_of(defect: FoundDefect) -> Box:
    """What was measured where all of it was, else its tiles."""
    measure = defect.measure
    return measure.extent if measure is not None and measure.complete else defect.extent


def path_of(rect: Rect) -> str:
    """A rectangle as a part of an SVG path."""
    x, y, w, h = (f"{v:.4g}" for v in rect)
    return f"M{x} {y}h{w}v{h}h-{w}z"


def _small(defects: list[FoundDefect], scale: Scale, glyphs: Glyphs) -> str:
    """One path per class and size whose corners are the marks; the rarest class lies on top."""
    corners = defaultdict[tuple[str, int], list[str]](list)
    bins = _bins(defects, scale)
    for name, places in sorted(bins.items(), key=lambda item: -len(item[1])):
        for place, found in sorted(places.items()):
            corners[name, _level(found.defects)].append(_corner(place, found, scale))
    markers = "".join(map(glyphs.markers, bins))
    return f"<defs>{markers}</defs>" + "".join(
        _marked(points, f"m{glyphs.index(name)}-{level}")
        for (name, level), points in corners.items()
    )


def _bins(defects: list[FoundDefect], scale: Scale) -> dict[str, dict[Place, _Bin]]:
    """Marks by class. Of a class that has many, only those in whose bin it is the most frequent."""
    bins = defaultdict[str, dict[Place, _Bin]](dict)
    for defect, place, x, y in _placed(defects, scale):
        known = bins[defect.class_name]
        before = known.get(place)
        known[place] = _Bin(x, y, before.defects + 1 if before else 1)
    most: dict[Place, int] = {}
    for places in bins.values():
        for place, found in places.items():
            most[place] = max(most.get(place, 0), found.defects)
    return {
        name: places
        if len(places) <= ALL_TO
        else {place: found for place, found in places.items() if found.defects == most[place]}
        for name, places in bins.items()
    }


def _placed(
    defects: list[FoundDefect], scale: Scale
) -> Iterator[tuple[FoundDefect, Place, float, float]]:
    """Each with the bin that its middle lies in, and where that is on paper."""
    boxes = [_place_of(defect) for defect in defects]
    along_m = np.array([box.from_m + box.to_m for box in boxes]) / 2
    across_mm = np.array([box.from_mm + box.to_mm for box in boxes]) / 2
    x, y, band = scale.places(along_m, across_mm)
    columns, rows = x // BIN, (y - TOP - band * scale.pitch) // BIN
    bins = (n.astype(int).tolist() for n in (band, columns, rows))
    return zip(defects, zip(*bins, strict=True), x.tolist(), y.tolist(), strict=True)


def _level(count: int) -> int:
    return 0 if count < _FEW else 1 if count < _MANY else 2


def _marked(corners: list[str], marker: str) -> str:
    return f'<polyline class="dots" style="marker:url(#{marker})" points="{" ".join(corners)}"/>'


def _corner(place: Place, found: _Bin, scale: Scale) -> str:
    """A single defect where it is, several in the middle of their bin."""
    if found.defects == 1:
        return f"{found.x:.0f} {found.y:.0f}"
    band, column, row = place
    y = scale.band_top(band) + min(row * BIN + BIN // 2, scale.band_height)
    return f"{column * BIN + BIN // 2} {y}"


def _centre(defect: FoundDefect, scale: Scale) -> tuple[float, float, int]:
    at = _place_of(defect)
    middle_m = (at.from_m + at.to_m) / 2
    band = scale.band_of(middle_m)
    return scale.x(middle_m, band), scale.y((at.from_mm + at.to_mm) / 2, band), band


def _lettered(worst: Iterable[FoundDefect], scale: Scale, glyphs: Glyphs) -> str:
    """Marks with letters, the worst first, each where none stands near."""
    taken: set[tuple[int, int]] = set()
    drawn: list[str] = []
    for defect in worst:
        x, y, _ = _centre(defect, scale)
        column, row = int(x // _LETTER_CELL), int(y // _LETTER_CELL)
        near = {(column + i, row + j) for i in (-1, 0, 1) for j in (-1, 0, 1)}
        if near & taken:
            continue
        taken.add((column, row))
        drawn.append(glyphs.lettered(defect.class_name, x, y))
        if len(drawn) == _LETTERED_MOST:
            break
    return "".join(reversed(drawn))
