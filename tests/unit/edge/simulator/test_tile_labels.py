from itertools import islice

import numpy as np
import pytest

from edge.errors import ConfigError
from edge.simulator.defects import CLASSES, CLEAN, DEFECTS
from edge.simulator.tiles import Shown, TileConfig, TileStrip, draw_tile, label_of

TILE = (100, 100, 228, 228)


def _shown(box: tuple[int, int, int, int], name: str = "red_iron", whole: int = 0) -> Shown:
    mask = np.ones((box[2] - box[0], box[3] - box[1]), np.bool_)
    return Shown(name, box, mask, whole or mask.size)


@pytest.mark.parametrize(
    ("box", "whole", "label"),
    [
        ((300, 300, 320, 320), 0, CLEAN),  # far away
        ((229, 150, 240, 160), 0, None),  # outside, but too near to call the tile clean
        ((150, 150, 156, 156), 0, "red_iron"),  # all of a small one
        ((150, 150, 156, 156), 1000, None),  # a small piece of a large one
        ((100, 150, 143, 153), 10_000, "red_iron"),  # a third of the tile's side
        ((100, 150, 141, 153), 10_000, None),  # not quite a third
        ((100, 150, 228, 150 + 1), 10_000, "red_iron"),  # one pixel wide, but right through
        ((100, 224, 228, 300), 0, None),  # right through, but a sliver of something wide
        ((100, 221, 228, 300), 0, "red_iron"),
        ((150, 150, 153, 153), 0, None),  # whole, yet too few pixels to be seen
    ],
)
def test_the_rule(box: tuple[int, int, int, int], whole: int, label: str | None) -> None:
    assert label_of(TILE, [_shown(box, whole=whole)]) == label


def test_a_box_without_pixels_in_the_tile_does_not_count() -> None:
    mask = np.zeros((200, 200), np.bool_)
    mask[-1, -1] = True
    assert label_of(TILE, [Shown("red_iron", (100, 100, 300, 300), mask, 1)]) == CLEAN


def test_two_classes_in_one_tile_have_no_label() -> None:
    both = [_shown((110, 110, 140, 140)), _shown((180, 180, 220, 220), "iron_sheet_ash")]
    assert label_of(TILE, both) is None
    assert label_of(TILE, [both[0], _shown((180, 180, 220, 220))]) == "red_iron"


@pytest.mark.parametrize("name", DEFECTS)
def test_tiles_of_a_class_bear_its_label(name: str) -> None:
    config = TileConfig(tile_px=96)
    for tile in islice(TileStrip(np.random.SeedSequence(3), config).tiles(name), 4):
        assert tile.class_name == name
        assert tile.pixels.shape == tile.mask.shape == (96, 96)
        assert tile.pixels.dtype == np.uint8
        assert tile.width_mm > 0
        shown = Shown(name, (0, 0, 96, 96), tile.mask, 10**9)
        whole = Shown(name, (0, 0, 96, 96), tile.mask, int(tile.mask.sum()))
        assert name in {label_of((0, 0, 96, 96), [shown]), label_of((0, 0, 96, 96), [whole])}


def test_clean_tiles_hold_no_defect_and_are_not_alike() -> None:
    strip = TileStrip(np.random.SeedSequence(3), TileConfig())
    tiles = list(islice(strip.tiles(CLEAN), 3))
    assert not any(tile.mask.any() for tile in tiles)
    assert not np.array_equal(tiles[0].pixels, tiles[1].pixels)


def test_same_seed_same_tile() -> None:
    for name in CLASSES:
        one, other = (draw_tile(np.random.default_rng(9), name) for _ in range(2))
        assert np.array_equal(one.pixels, other.pixels)
        assert np.array_equal(one.mask, other.mask)


@pytest.mark.parametrize("wrong", [{"tile_px": 8}, {"mm_per_px": 0.0}, {"mm_per_px": float("nan")}])
def test_tiles_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="tiles"):
        TileConfig(**wrong)  # type: ignore[arg-type]


def test_an_unknown_class_is_refused() -> None:
    with pytest.raises(ConfigError, match="rust"):
        draw_tile(np.random.default_rng(0), "rust")
