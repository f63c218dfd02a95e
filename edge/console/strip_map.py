"""The strip map: one SVG in metres along and millimetres across.

However many defects a coil has, the drawing has one path per class: 10,000 defects are 110 kB and
60 ms, not 10,000 elements. Coordinates are whole units of a 1600-unit wide drawing; a defect is
never drawn smaller than `MIN_BOX`, so that it is seen from two metres.
"""

import math
from collections.abc import Iterable
from html import escape
from typing import NamedTuple

from contract.bodies import Extent
from edge.console.view import CoilView, Mark
from edge.palette import Palette
from edge.report.joining import label

WIDTH, HEIGHT = 1600, 380
LEFT, TOP, PLOT_WIDTH, PLOT_HEIGHT = 118, 34, 1452, 256
MIN_BOX = 6
LETTERED = 60
"""So many of the newest defects carry their class letter, where there is room for it."""
DENSE_FROM = 1000
"""From more defects on they are drawn without outlines, which would hide the colours."""
_LETTER_CELL = (18, 24)
_NAMED_FROM = 110
_PLATE_OVERHANG = 24
_NICE = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


class Scale(NamedTuple):
    """From metres and millimetres to units of the drawing."""

    end_m: float
    width_mm: float

    def x(self, along_m: float) -> int:
        """Horizontal unit of a position, clipped to the plot."""
        return LEFT + round(min(max(along_m / self.end_m, 0.0), 1.0) * PLOT_WIDTH)

    def y(self, across_mm: float) -> int:
        """Vertical unit; the operator side (0 mm) is at the bottom."""
        share = min(max(across_mm / self.width_mm, 0.0), 1.0)
        return TOP + PLOT_HEIGHT - round(share * PLOT_HEIGHT)

    def box(self, extent: Extent, least: int) -> tuple[int, int, int, int]:
        """x, y, width and height of a rectangle, at least `least` units each way and inside."""
        left, width = _span(self.x(extent.from_m), self.x(extent.to_m), least)
        top, height = _span(self.y(extent.to_mm), self.y(extent.from_mm), least)
        left = min(max(left, LEFT), LEFT + PLOT_WIDTH - width)
        top = min(max(top, TOP), TOP + PLOT_HEIGHT - height)
        return left, top, width, height


def _span(start: int, end: int, least: int) -> tuple[int, int]:
    length = max(end - start, least)
    return (start + end - length) // 2, length


def scale_of(coil: CoilView) -> Scale:
    """A scale whose end is a round number, so that it jumps seldom while the coil grows."""
    width_mm = coil.width_mm or max([1.0, *(m.extent.to_mm for m in coil.marks.values())])
    return Scale(_nice_above(max(coil.newest_m, 1.0)), width_mm)


def _nice_above(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in _NICE if step * power >= value * (1 - 1e-9))


class StripMap:
    """Draws a coil; the boxes are kept while neither the defects nor the scale have changed."""

    def __init__(self, palette: Palette) -> None:
        self._palette = palette
        self._coil: CoilView | None = None
        self._key: tuple[int, Scale] | None = None
        self._boxes = ""

    def draw(self, coil: CoilView | None) -> str:
        """The drawing of a coil, or of none."""
        if coil is None:
            return _frame(_nothing())
        scale = scale_of(coil)
        key = (coil.changes, scale)
        if coil is not self._coil or key != self._key:
            self._coil, self._key = coil, key
            self._boxes = _boxes(coil, scale, self._palette)
        return _frame(
            _strip(coil, scale), _stretches(coil, scale), self._boxes,
            _letters(coil, scale, self._palette), _axes(scale), _newest(coil, scale),
        )  # fmt: skip


def _frame(*parts: str) -> str:
    head = f'<svg id="strip-map" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Strip map">'
    return head + "".join(parts) + "</svg>"


def _nothing() -> str:
    middle = LEFT + PLOT_WIDTH // 2
    return (
        f'<rect class="ahead" x="{LEFT}" y="{TOP}" width="{PLOT_WIDTH}" height="{PLOT_HEIGHT}"/>'
        f'<text class="name" text-anchor="middle" x="{middle}" y="{TOP + PLOT_HEIGHT // 2}">'
        "no coil yet</text>"
    )


def _strip(coil: CoilView, scale: Scale) -> str:
    seen = scale.x(coil.newest_m) - LEFT
    return (
        '<defs><pattern id="hatch" width="12" height="12" patternUnits="userSpaceOnUse"'
        ' patternTransform="rotate(45)"><rect width="12" height="12" class="hatch-back"/>'
        '<rect width="4" height="12" class="hatch-line"/></pattern></defs>'
        f'<rect class="ahead" x="{LEFT}" y="{TOP}" width="{PLOT_WIDTH}" height="{PLOT_HEIGHT}"/>'
        f'<rect class="steel" x="{LEFT}" y="{TOP}" width="{seen}" height="{PLOT_HEIGHT}"/>'
    )


def _stretches(coil: CoilView, scale: Scale) -> str:
    boxes = [(scale.box(s.extent, 3), s) for s in coil.stretches]
    if not boxes:
        return ""
    drawing = f'<path class="missed" fill="url(#hatch)" d="{_path(box for box, _ in boxes)}"/>'
    for (left, top, width, height), stretch in boxes:
        if width >= _NAMED_FROM and height >= 30:
            drawing += _plate(left + width // 2, top + height // 2, label(stretch), width)
    return drawing


def _plate(x: int, y: int, text: str, room: int) -> str:
    """A label on a plate of its own, shortened to little more than its room; a letter takes about
    9 units.
    """
    letters = max((room + _PLATE_OVERHANG) // 9 - 1, 1)
    shown = text if len(text) <= letters else text[: letters - 1] + "…"
    width = len(shown) * 9 + 12
    return (
        f'<rect class="plate" x="{x - width // 2}" y="{y - 13}" width="{width}" height="26"/>'
        f'<text class="missed-name" text-anchor="middle" x="{x}" y="{y + 6}">{escape(shown)}</text>'
    )


def _boxes(coil: CoilView, scale: Scale, palette: Palette) -> str:
    per_class: dict[str, set[tuple[int, int, int, int]]] = {}
    for mark in coil.marks.values():
        per_class.setdefault(mark.class_name, set()).add(scale.box(mark.extent, MIN_BOX))
    dense = " dense" if len(coil.marks) > DENSE_FROM else ""
    return "".join(
        f'<path class="defects{dense}" data-class="{escape(name)}" fill="{palette[name].colour}"'
        f' d="{_path(sorted(boxes))}"/>'
        for name, boxes in per_class.items()
    )


def _path(boxes: Iterable[tuple[int, int, int, int]]) -> str:
    return "".join(f"M{x} {y}h{w}v{h}h-{w}z" for x, y, w, h in boxes)


def _letters(coil: CoilView, scale: Scale, palette: Palette) -> str:
    """Class letters of the newest defects, each only where no newer one stands."""
    taken: set[tuple[int, int]] = set()
    newest, edge = scale.x(coil.newest_m), LEFT + PLOT_WIDTH - 14
    drawing = ""
    for mark in _newest_marks(coil):
        left, top, width, _ = scale.box(mark.extent, MIN_BOX)
        place = (left // _LETTER_CELL[0], top // _LETTER_CELL[1])
        near = {(place[0] + i, place[1] + j) for i in (-1, 0, 1) for j in (-1, 0, 1)}
        if near & taken:
            continue
        taken.add(place)
        beside = left + width + 4
        x = left - 18 if beside <= newest < beside + 18 or beside > edge else beside
        y = max(top + 6, TOP + 18)
        drawing += f'<text class="letter" x="{x}" y="{y}">{palette[mark.class_name].letter}</text>'
    return drawing


def _newest_marks(coil: CoilView) -> list[Mark]:
    marks = list(coil.marks.values())[-LETTERED:]
    return marks[::-1]


def _axes(scale: Scale) -> str:
    bottom = TOP + PLOT_HEIGHT
    step = scale.end_m / _divisions(scale.end_m)
    along = "".join(
        f'<path class="axis" d="M{scale.x(m)} {bottom}v8"/>'
        f'<text class="tick" text-anchor="middle" x="{scale.x(m)}" y="{bottom + 32}">{m:.4g}</text>'
        for m in (i * step for i in range(round(scale.end_m / step) + 1))
    )
    across = "".join(
        f'<path class="axis" d="M{LEFT - 8} {scale.y(mm)}h8"/><text class="tick"'
        f' text-anchor="end" x="{LEFT - 14}" y="{scale.y(mm) + 7}">{mm:.0f}</text>'
        for mm in (0.0, scale.width_mm / 2, scale.width_mm)
    )
    titles = (
        f'<text class="axis-name" text-anchor="end" x="{LEFT + PLOT_WIDTH}" y="{bottom + 66}">'
        "along: metres from the coil's head</text>"
        f'<text class="axis-name" x="{LEFT}" y="{bottom + 66}">'
        "across: millimetres from the operator side (0, bottom)</text>"
    )
    return along + across + titles


def _divisions(end_m: float) -> int:
    """Ticks at round numbers for each of the round ends."""
    leading = round(end_m / 10.0 ** math.floor(math.log10(end_m) + 1e-9), 1)
    return {1.0: 5, 1.5: 6, 2.0: 4, 3.0: 6, 4.0: 4, 5.0: 5, 6.0: 6, 8.0: 4}[leading]


def _newest(coil: CoilView, scale: Scale) -> str:
    x = scale.x(coil.newest_m)
    anchor = "end" if x > LEFT + PLOT_WIDTH - 60 else "start" if x < LEFT + 60 else "middle"
    return (
        f'<path class="newest" d="M{x} {TOP}v{PLOT_HEIGHT}"/>'
        f'<path class="newest-tip" d="M{x - 8} {TOP - 8}h16l-8 9z"/>'
        f'<text class="newest-name" text-anchor="{anchor}" x="{x}" y="{TOP - 13}">'
        f"{coil.newest_m:.1f} m</text>"
    )
