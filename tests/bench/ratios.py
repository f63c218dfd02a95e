"""The whole daemon against the bare engine and the straightforward loop, in turns."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from contract.bundle import Bundle
from tests.bench.alone import baseline
from tests.bench.bundles import MM_PER_PX, Shape
from tests.bench.isa import CAPS, capped
from tests.bench.material import Material
from tests.bench.result import Isa, Ratio, Result
from tests.bench.step import Effort, Step
from tests.bench.timed import TimedDaemon
from tests.line.daemon import write_config
from tests.waiting import wait_for

SHAPES = (Shape(128, 128, 2), Shape(256, 64, 2), Shape(128, 128, 4))
OVERLOAD = 1.25
"""Frames are offered this much faster than the bare engine, so that the daemon is never idle."""
SETTLE_FRAMES, LEAST_FRAMES = 2, 5
FRAMES_S = 120.0
"""The longest that these may take."""
START_S = 12.0
"""What a daemon's start and stop, or a baseline's, take beside the measurement."""


def steps(material: Material, effort: Effort) -> Iterator[Step]:
    """All shapes and caps in each round."""
    for number in range(1, effort.rounds + 1):
        for shape in SHAPES:
            for isa in CAPS:
                measurements = 5 if isa == "all" else 2
                yield Step(
                    f"ratios: {shape.name}, {isa} instructions, round {number}",
                    measurements * (effort.seconds + START_S),
                    _Round(material, shape, isa, number, effort.seconds),
                )


class _Round:
    """One round of one shape."""

    def __init__(
        self, material: Material, shape: Shape, isa: Isa, number: int, seconds: float
    ) -> None:
        self._material, self._shape, self._isa = material, shape, isa
        self._number, self._seconds = number, seconds

    def __call__(self, result: Result) -> str:
        shape, material = self._shape, self._material
        bundles = material.bundles(shape)
        with tempfile.TemporaryDirectory(dir=material.scratch()) as folder:
            tiles, frames = Path(folder) / "tiles.npy", Path(folder) / "frames.npy"
            np.save(tiles, material.tiles(shape)[:128])
            np.save(frames, np.stack(material.frames()))
            seconds = self._seconds
            bare = baseline("bare", bundles.int8, tiles, seconds, self._isa)
            per_frame = material.size.tiles(shape.tile_px)
            offered = OVERLOAD * bare
            daemon = self._daemon(bundles.int8, Path(folder), offered / per_frame) * per_frame
            ratio = Ratio(
                shape=shape.name, tiles_per_frame=per_frame,
                frame_m=material.size.rows * MM_PER_PX / 1000, input_px=shape.input_px,
                wide_stem=shape.stem_stride == 4, isa=self._isa, round=self._number,
                bare=bare, offered=offered, daemon=daemon,
            )  # fmt: skip
            if self._isa == "all":
                ratio.plain = baseline("plain", bundles.int8, tiles, seconds)
                ratio.loop_fp32 = baseline("loop", bundles.fp32, frames, seconds)
                ratio.loop_int8 = baseline("loop", bundles.int8, frames, seconds)
        result.ratios.append(ratio)
        return f"daemon {daemon:.0f} tiles/s, {daemon / bare:.2f} of the bare engine"

    def _daemon(self, bundle: Bundle, folder: Path, frames_per_s: float) -> float:
        """Frames a second that the daemon inspects."""
        config = write_config(folder, sections(self._material, bundle, frames_per_s))
        with TimedDaemon(config, capped(self._isa)) as daemon:
            daemon.wait_until_inspecting()
            self._wait(daemon)
        inspected = [s.at_s for s in daemon.samples("inspect") if s.stage == "frame"]
        return rate(inspected[SETTLE_FRAMES:])

    def _wait(self, daemon: TimedDaemon) -> None:
        """As long as is asked for, and for some frames: a large one may take a second."""
        wait_for(lambda: _tiles(daemon) > 0, "the first frame", FRAMES_S)
        time.sleep(self._seconds)
        frames = SETTLE_FRAMES + LEAST_FRAMES
        tiles = frames * self._material.size.tiles(self._shape.tile_px)
        wait_for(lambda: _tiles(daemon) >= tiles, f"{frames} frames", FRAMES_S)


def rate(at_s: list[float]) -> float:
    """Frames a second from the moments at which each was done: between whole frames, since there
    may be few.
    """
    return (len(at_s) - 1) / (at_s[-1] - at_s[0])


def sections(material: Material, bundle: Bundle, frames_per_s: float) -> dict[str, Any]:
    """Config of a line that is offered these frames open loop, too fast for a deadline."""
    return {
        "bundle": str(bundle.path.resolve()),
        "source": {
            "kind": "folder", "path": str(material.frame_files.resolve()),
            "frames_per_s": frames_per_s, "repeat": True,
        },
        "optics": {"mm_per_px_along": MM_PER_PX, "mm_per_px_across": MM_PER_PX},
        "strip": {"edges": "fixed"},
        "coils": {"length_m": 100.0, "width_mm": material.size.columns * MM_PER_PX},
        "inspect": {"deadline_s": 10.0, "frame_buffer": 2},
    }  # fmt: skip


def _tiles(daemon: TimedDaemon) -> float:
    return daemon.metrics().get("stripsight_tiles_total", 0)
