"""How much of a strip the screen passes on: for scenarios that set the suspicious tiles' share."""

from collections.abc import Iterable

import numpy as np

from contract.card import ScreenCard
from contract.tiles import Span, TileGrid
from edge.inspect.screening import Screen
from edge.types import U8
from runtime.strip import detect_strip


def suspicious_tiles(
    frames: Iterable[U8], screen: ScreenCard, tile_px: int, margin_px: int = 6
) -> list[int]:
    """Suspicious tiles of each frame of one coil, in order; all of the first ones are. Nothing but
    these frames is learned from, and no tile counts as a defect.
    """
    at_work, counts = Screen(screen), []
    for pixels in frames:
        columns = detect_strip(pixels).inside(margin_px)
        grid = TileGrid(Span(0, len(pixels)), columns, tile_px, tile_px)
        glance = at_work.look(pixels, grid)
        at_work.learn(glance, np.zeros(len(glance.suspicious), np.bool_))
        counts.append(int(glance.suspicious.sum()))
    return counts
