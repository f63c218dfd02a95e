"""A shape, a colour and a letter per class, so that each alone tells it: in black and white too."""

from html import escape

from edge.palette import Palette, Swatch

_SHAPES = (
    "M-1 0a1 1 0 1 0 2 0a1 1 0 1 0 -2 0z",
    "M-.9-.9h1.8v1.8h-1.8z",
    "M0-1.15L1.15.9H-1.15z",
    "M0-1.25L1.25 0L0 1.25L-1.25 0z",
    "M0 1.15L1.15-.9H-1.15z",
    "M-.6-1H.6L1.2 0L.6 1H-.6L-1.2 0z",
    "M-.42-1.1h.84v.68h.68v.84h-.68v.68h-.84v-.68h-.68v-.84h.68z",
)
"""In units of a radius: circle, square, triangle, diamond, triangle upside down, hexagon, cross."""
LEVELS = (6.0, 8.5, 11.0)
"""Radius of a small mark: of one defect, of up to nine, of ten and more."""
LETTERED = 19.0
"""Radius of a mark with its letter in it."""
_LOWERED = {2: 5, 4: -2}
"""By so much the letter stands lower in a triangle."""


class Glyphs:
    """The marks of a coil's classes, in the order of the palette."""

    def __init__(self, palette: Palette) -> None:
        self._palette = palette
        self._order: dict[str, int] = {s.name: i for i, s in enumerate(palette)}

    def __getitem__(self, class_name: str) -> Swatch:
        swatch = self._palette[class_name]
        self._order.setdefault(class_name, len(self._order))
        return swatch

    def index(self, class_name: str) -> int:
        """The class's place in the palette; it names its markers."""
        _ = self[class_name]
        return self._order[class_name]

    def markers(self, class_name: str) -> str:
        """SVG markers `m<index>-<level>` for paths whose corners are defects."""
        index, swatch = self.index(class_name), self[class_name]
        shape = _SHAPES[index % len(_SHAPES)]
        return "".join(
            f'<marker id="m{index}-{level}" markerUnits="userSpaceOnUse" markerWidth="1"'
            f' markerHeight="1" overflow="visible"><path class="small" fill="{swatch.colour}"'
            f' transform="scale({radius})" d="{shape}"/></marker>'
            for level, radius in enumerate(LEVELS)
        )

    def lettered(self, class_name: str, x: float, y: float, radius: float = LETTERED) -> str:
        """A mark with its letter at a place of a drawing."""
        index, swatch = self.index(class_name), self[class_name]
        lower = 8 + _LOWERED.get(index % len(_SHAPES), 0)
        return (
            f'<g transform="translate({x:.0f} {y:.0f})"><path class="mark" stroke="{swatch.colour}"'
            f' transform="scale({radius})" d="{_SHAPES[index % len(_SHAPES)]}"/>'
            f'<text class="letter" y="{lower}">{swatch.letter}</text></g>'
        )

    def swatch(self, class_name: str) -> str:
        """The same as a picture of its own, for tables and legend."""
        return (
            '<svg class="swatch" viewBox="-28 -28 56 56" aria-hidden="true">'
            f"{self.lettered(class_name, 0, 0)}</svg>"
        )

    def named(self, class_name: str) -> str:
        """The swatch and the name."""
        return f'<span class="class">{self.swatch(class_name)}{words(class_name)}</span>'


def words(class_name: str) -> str:
    """A class's name as a person reads it, escaped."""
    return escape(class_name.replace("_", " "))
