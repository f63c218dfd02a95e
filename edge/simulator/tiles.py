"""Labelled tiles, cut from the same drawn strip as the frames, at any offset of the tile grid.

The rule of the labels, for one tile and one class (`label_of`):

* *clean*: no pixel of any defect lies in the tile or within `CLEAR_PX` of it;
* *of the class*: the tile shows at least `MIN_PIXELS` of its pixels, and either half of the whole
  defect or a piece whose longer side reaches a third of the tile's side (and `MIN_SHARE` of its
  area, which keeps a few stray pits from naming a tile) and whose shorter side shows half of the
  defect's own or `THICK_PX` (a sliver at the tile's border names nothing);
* anything between, and any tile that shows pixels of two classes, is ambiguous: it gets no label
  and is left out of training sets and scores.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from edge.errors import ConfigError
from edge.simulator.defects import CLASSES, CLEAN, draw
from edge.simulator.noise import child
from edge.simulator.patch import Mask, Patch
from edge.simulator.strip import Placing, Strip, expose, lay, tight
from edge.simulator.surface import draw_look
from edge.types import U8

CLEAR_PX = 3
MIN_PIXELS = 12
MIN_REACH = 1 / 3
MIN_SHARE = 0.004
THICK_PX = 6
WHOLE_SHARE = 0.5

_SIDES = 3
"""A strip of tiles is this many tiles wide: room for every offset, and for both edges."""
_EDGE_SHARE = 0.2
_SLIVER_PX = 7
"""So much of the dark beside the strip may an outer tile show: the strip wanders within a frame."""
_OFFSETS = 12
_STARTS = 1 << 16
_DRAW, _STRIP = range(2)


class Shown(NamedTuple):
    """A defect as a picture shows it: its class, box and mask there, and its pixels in all."""

    class_name: str
    box: tuple[int, int, int, int]
    mask: Mask
    pixels: int


class Tile(NamedTuple):
    """A labelled tile. `mask` has the tile's shape; `width_mm` is the defect's (0: clean)."""

    class_name: str
    pixels: U8
    mask: Mask
    width_mm: float


@dataclass(frozen=True, slots=True)
class TileConfig:
    """How tiles are drawn.

    Raises:
        ConfigError: a value no tile can have.
    """

    tile_px: int = 128
    mm_per_px: float = 0.5
    grey: tuple[float, float] = (60.0, 175.0)
    """Wider than the mill's own range: a network must not lean on the exposure."""
    contrast: tuple[float, float] = (0.5, 1.6)
    noise: tuple[float, float] = (0.5, 1.9)

    def __post_init__(self) -> None:
        if not 32 <= self.tile_px <= 1024 or not 0.02 <= self.mm_per_px <= 5:
            raise ConfigError(
                f"tiles: {self.tile_px} px at {self.mm_per_px} mm per pixel; give 32 to 1024 px"
                " and 0.02 to 5 mm"
            )


def label_of(box: tuple[int, int, int, int], shown: Sequence[Shown]) -> str | None:
    """The label of the tile at `box` (first row, first column, end row, end column), or None
    where the rule finds it ambiguous.
    """
    top, left, end, side = box
    around = (top - CLEAR_PX, left - CLEAR_PX, end + CLEAR_PX, side + CLEAR_PX)
    if not any(_inside(defect, around).any() for defect in shown):
        return CLEAN
    seen = [(defect, _inside(defect, box)) for defect in shown]
    named = {defect.class_name for defect, mask in seen if mask.any()}
    if len(named) != 1:
        return None
    tile_px = (end - top, side - left)
    return named.pop() if any(_enough(mask, defect, tile_px) for defect, mask in seen) else None


def _inside(defect: Shown, box: tuple[int, int, int, int]) -> Mask:
    top, left = max(box[0], defect.box[0]), max(box[1], defect.box[1])
    end, side = min(box[2], defect.box[2]), min(box[3], defect.box[3])
    if top >= end or left >= side:
        return np.zeros((0, 0), np.bool_)
    row, column = defect.box[:2]
    return defect.mask[top - row : end - row, left - column : side - column]


def _enough(mask: Mask, defect: Shown, tile_px: tuple[int, int]) -> bool:
    pixels = int(mask.sum())
    if pixels < MIN_PIXELS:
        return False
    if pixels >= WHOLE_SHARE * defect.pixels:
        return True
    _, inside = tight(mask, 0, 0)
    reach = max(inside.shape[0] / tile_px[0], inside.shape[1] / tile_px[1])
    thick = min(inside.shape) >= min(THICK_PX, min(defect.mask.shape) / 2)
    return thick and reach >= MIN_REACH and pixels >= MIN_SHARE * tile_px[0] * tile_px[1]


class TileStrip:
    """One strip's worth of tiles of any class: one look, one noise, one pair of edges. Tiles of
    one strip belong to one group: a split between training and test must not part them.

    Args:
        seed: of this strip; the same seed gives the same tiles in the same order.
        config: how tiles are drawn.
    """

    def __init__(self, seed: np.random.SeedSequence, config: TileConfig) -> None:
        self._rng = rng = np.random.default_rng(child(seed, _DRAW))
        self._config = config
        columns = _SIDES * config.tile_px
        hidden = [int(rng.integers(1, config.tile_px)) if rng.random() < _EDGE_SHARE else -columns
                  for _ in range(2)]  # fmt: skip
        dark = [int(rng.integers(_SLIVER_PX + 1)) for _ in range(2)]
        self._first_column = max(0, hidden[0] - dark[0])
        self._end_column = columns - max(0, hidden[1] - dark[1])
        placing = Placing(columns, hidden[0], columns - hidden[1], 0.0)
        look = draw_look(rng, config.grey, config.contrast)
        self._strip = Strip(child(seed, _STRIP), look, placing, config.mm_per_px)
        self._noise = rng.uniform(*config.noise)

    def tiles(self, class_name: str) -> Iterator[Tile]:
        """Tiles of a class without end; each defect gives one or two, at different offsets.

        Raises:
            ConfigError: no such class.
        """
        if class_name not in CLASSES:
            raise ConfigError(f"{class_name!r}: choose of {', '.join(CLASSES)}")
        return self._clean() if class_name == CLEAN else self._defective(class_name)

    def _clean(self) -> Iterator[Tile]:
        side = self._config.tile_px
        while True:
            grey = self._strip.rows(int(self._rng.integers(_STARTS)), side)
            left = int(self._rng.integers(self._first_column, self._end_column - side + 1))
            if self._rng.random() < 0.25:
                # The grid's outer tiles begin and end with the strip.
                left = int(self._rng.choice([self._first_column, self._end_column - side]))
            pixels = expose(self._rng, grey[:, left : left + side].copy(), self._noise)
            yield Tile(CLEAN, pixels, np.zeros((side, side), np.bool_), 0.0)

    def _defective(self, class_name: str) -> Iterator[Tile]:
        while True:
            drawn = draw(self._rng, class_name, self._config.mm_per_px)
            room = self._end_column - self._first_column - drawn.gain.shape[1]
            left = self._first_column + int(self._rng.integers(min(0, room), max(1, room)))
            box, mask = tight(drawn.mask, 0, left)
            start = int(self._rng.integers(self._config.tile_px, _STARTS))
            for offset in self._offsets(Shown(class_name, box, mask, int(mask.sum()))):
                yield self._cut(class_name, drawn, (start, left), offset)

    def _offsets(self, shown: Shown) -> list[tuple[int, int]]:
        """Up to two grid offsets at which the tile bears the defect's label."""
        side, (top, left, end, right) = self._config.tile_px, shown.box
        found: list[tuple[int, int]] = []
        for _ in range(_OFFSETS if shown.mask.size else 0):
            row = int(self._rng.integers(top - side + 1, end))
            first = max(self._first_column, left - side + 1)
            last = min(self._end_column - side, right - 1)
            column = int(self._rng.integers(first, last + 1)) if last >= first else first
            box = (row, column, row + side, column + side)
            if column + side <= self._end_column and label_of(box, [shown]) == shown.class_name:
                found.append((row, column))
            if len(found) == 2:
                break
        return found

    def _cut(
        self, class_name: str, drawn: Patch, corner: tuple[int, int], offset: tuple[int, int]
    ) -> Tile:
        """The tile at an offset from where a defect's upper border crosses the left of the strip;
        `corner` is the defect's own upper left.
        """
        side, (row, column) = self._config.tile_px, offset
        grey = self._strip.rows(corner[0] + row, side)
        (top, left, end, right), seen = lay(grey, drawn, -row, corner[1])
        mask = np.zeros(grey.shape, np.bool_)
        mask[top:end, left:right] = seen
        part = np.s_[:, column : column + side]
        pixels = expose(self._rng, grey[part].copy(), self._noise)
        width_mm = drawn.width_px() * self._config.mm_per_px
        return Tile(class_name, pixels, mask[part].copy(), width_mm)


def draw_tile(rng: np.random.Generator, class_name: str, config: TileConfig | None = None) -> Tile:
    """One tile of a class, on a strip of its own."""
    seed = np.random.SeedSequence(int(rng.integers(1 << 63)))
    return next(TileStrip(seed, config or TileConfig()).tiles(class_name))
