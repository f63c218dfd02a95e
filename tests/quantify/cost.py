"""What measuring costs a frame of the simulated mill, by itself and on one core."""

import time
from typing import NamedTuple

from edge.inspect.look import Seen
from edge.inspect.quantify import quantify, region_of
from edge.simulator.mill import Mill
from tests.quantify.simulated import FRAMES, PLENTY, mills, seen

TRIES = 10
STRIPS = 4


class Cost(NamedTuple):
    """Of the patches of some frames, all together."""

    patches: int
    pixels: int
    """Looked at, margins included."""
    seconds: float
    """Of the processor, the quickest of some tries of each frame."""


def cost(tile_px: int, mm_per_px: float) -> Cost:
    """Measure the patches of a few strips' frames."""
    patches, pixels, seconds = 0, 0, 0.0
    for config, _ in zip(mills("report", mm_per_px), range(STRIPS), strict=False):
        for frame in map(Mill(config).frame, range(FRAMES)):
            told = seen(frame, config, tile_px)
            patches += len(told.patches)
            pixels += sum(int(region_of(patch, told).pixels) for patch in told.patches)
            seconds += min(_timed(told) for _ in range(TRIES)) if told.patches else 0.0
    return Cost(patches, pixels, seconds)


def _timed(told: Seen) -> float:
    start = time.thread_time()
    quantify(told, 0.0, PLENTY)
    return time.thread_time() - start
