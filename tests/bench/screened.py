"""A bundle for timing whose screen lets a tenth of the tiles through to the network."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from contract.bundle import PEOPLE, Bundle, open_bundle, write_bundle
from contract.card import Metric, MissRate, ScreenCard
from contract.tiles import Span, TileGrid
from edge.types import F32, U8
from runtime.screen import FEATURES, Texture, blocks_of, half_tiles
from tests.bench.bundles import DEFECTS_PER_FRAME, limit_for

SUSPICIOUS = 0.1
"""Share of the tiles, on average over the frames; the design's scenario (b)."""


def screened(path: Path, bundle: Bundle, frames: list[U8], tiles: U8) -> Bundle:
    """The same network with a screen for these frames, made or found from an earlier run. The
    thresholds make defects of the most suspicious tiles among those that the screen lets through.

    Args:
        path: where it lies.
        bundle: whose network it is.
        frames: that will pass.
        tiles: U8 `N x input x input`, all tiles of all frames.
    """
    if not path.is_dir():
        found = suspicions([*frames, *frames], bundle.card.tile_px)[len(frames) :]
        threshold = float(np.quantile(found, 1 - SUSPICIOUS))
        model, defects = bundle.model.read_bytes(), bundle.card.classes.defects
        limit = limit_for(model, tiles[found.ravel() >= threshold], DEFECTS_PER_FRAME * len(frames))
        changes = {
            "screen": _screen(threshold, defects),
            "thresholds": dict.fromkeys(defects, limit),
        }
        write_bundle(
            path,
            model=model,
            card=bundle.card.model_copy(update=changes),
            golden=bundle.golden(),
            people=(bundle.path / PEOPLE).read_text("utf-8"),
        )
    return open_bundle(path)


def suspicions(frames: Iterable[U8], tile_px: int) -> F32:
    """Of each frame's tiles, `frames x N`, when they pass one after the other; nothing is known
    of the first.
    """
    texture, found = Texture(), []
    for pixels in frames:
        rows, columns = (Span(0, size) for size in pixels.shape)
        grid = TileGrid(rows, columns, tile_px, tile_px)
        blocks = blocks_of(half_tiles(pixels, grid), grid.shape)
        found.append(texture.suspicion(blocks))
        texture.learn(blocks, np.zeros(found[-1].size, np.bool_))
    return np.stack(found)


def _screen(threshold: float, defects: Iterable[str]) -> ScreenCard:
    unknown = dict.fromkeys(defects, MissRate(missed=1, defects=1, bound=1))
    return ScreenCard(
        features=FEATURES,
        threshold=threshold,
        wanted=1,
        confidence=0,
        calibration=unknown,
        held_out=unknown,
        clean_screened=Metric(value=1 - SUSPICIOUS, low=None, high=None, images=0),
        data="none: for timing only",
        data_digest="0" * 64,
        created=datetime.now(UTC),
    )
