"""The timed screen lets through what the scenario says."""

from pathlib import Path

import numpy as np

from contract.bundle import open_bundle
from tests.bench.bundles import Shape
from tests.bench.material import cut
from tests.bench.screened import SUSPICIOUS, screened, suspicions
from tests.line.strip import write_line_bundle
from tests.unit.runtime.small_bundle import SIDE

TILE = SIDE


def test_a_tenth_of_the_tiles_is_suspicious_once_the_strip_is_known(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    frames = [random.normal(120, 9, (8 * TILE, 20 * TILE)).astype(np.uint8) for _ in range(4)]
    plain = write_line_bundle(tmp_path / "plain")
    tiles = cut(frames, Shape(TILE, plain.card.input_px, 2))
    bundle = screened(tmp_path / "screened", plain, frames, tiles)
    assert bundle.card.screen is not None
    found = suspicions([*frames, *frames], TILE)
    assert np.isinf(found[0]).all(), "nothing is known of the first frame"
    share = (found[4:] >= bundle.card.screen.threshold).mean()
    assert abs(share - SUSPICIOUS) < 0.01
    assert screened(tmp_path / "screened", bundle, [], tiles).card == open_bundle(bundle.path).card
