"""The whole daemon against the bare engine and the straightforward loop.

They take turns of a few seconds, since the pace of these machines changes within minutes: while
one is measured the others stand still, the daemon by SIGSTOP.
"""

import os
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from contract.bundle import Bundle
from tests.bench.alone import Measure, baseline
from tests.bench.bundles import MM_PER_PX, Shape
from tests.bench.figures import spread
from tests.bench.isa import CAPS, capped
from tests.bench.material import Material
from tests.bench.result import Isa, Ratio, Result
from tests.bench.step import Effort, Step
from tests.bench.timed import TimedDaemon
from tests.line.daemon import write_config
from tests.waiting import wait_for

SHAPES = (Shape(128, 128, 2), Shape(256, 64, 2), Shape(128, 128, 4))
TURNS = 5
OVERLOAD = 1.25
"""Frames are offered this much faster than the bare engine, so that the daemon is never idle."""
LEAST_FRAMES = 4
"""Of a turn; the first is not whole."""
FRAMES_S = 120.0
"""The longest that these may take."""
START_S = 12.0
"""What a daemon's start and stop, or a baseline's, take beside the measurement."""


def steps(material: Material, effort: Effort) -> Iterator[Step]:
    """All shapes in each round, and in the first under each cap as well."""
    for number in range(1, effort.rounds + 1):
        for shape in SHAPES:
            for isa in CAPS if number == 1 else CAPS[:1]:
                measurements = 5 if isa == "all" else 2
                yield Step(
                    f"ratios: {shape.name}, {isa} instructions, round {number}",
                    measurements * (effort.seconds + START_S),
                    _Round(material, shape, isa, number, effort.seconds),
                )


class _Turn(NamedTuple):
    """What the baselines came to, and when, between two moments, the daemon ran after them."""

    baselines: Mapping[str, float]
    from_s: float
    to_s: float


class _Round:
    """One round of one shape."""

    def __init__(
        self, material: Material, shape: Shape, isa: Isa, number: int, seconds: float
    ) -> None:
        self._material, self._shape, self._isa = material, shape, isa
        self._number, self._seconds = number, seconds / TURNS
        self._tiles_per_frame = material.size.tiles(shape.tile_px)

    def __call__(self, result: Result) -> str:
        with ExitStack() as stack:
            scratch = tempfile.TemporaryDirectory(dir=self._material.scratch())
            folder = Path(stack.enter_context(scratch))
            baselines = {
                name: stack.enter_context(one) for name, one in self._baselines(folder).items()
            }
            offered = OVERLOAD * baselines["bare"](self._seconds)
            bundle = self._material.bundles(self._shape).int8
            changes = sections(self._material, bundle, offered / self._tiles_per_frame)
            with TimedDaemon(write_config(folder, changes), capped(self._isa)) as daemon:
                daemon.wait_until_inspecting()
                turns = [self._turn(daemon, baselines) for _ in range(TURNS)]
            done_at = [s.at_s for s in daemon.samples("inspect") if s.stage == "frame"]
        found = [self._ratio(*numbered, offered, done_at) for numbered in enumerate(turns, 1)]
        result.ratios += found
        daemon_rate = spread([r.daemon for r in found]).median
        share = spread([r.daemon / r.bare for r in found]).median
        return f"daemon {daemon_rate:.0f} tiles/s, {share:.2f} of the bare engine"

    def _baselines(self, folder: Path) -> Mapping[str, AbstractContextManager[Measure]]:
        material, bundles = self._material, self._material.bundles(self._shape)
        tiles, frames = folder / "tiles.npy", folder / "frames.npy"
        np.save(tiles, material.tiles(self._shape)[:128])
        found = {"bare": baseline("bare", bundles.int8, tiles, self._isa)}
        if self._isa == "all":
            np.save(frames, np.stack(material.frames()))
            found["plain"] = baseline("plain", bundles.int8, tiles)
            found["loop_fp32"] = baseline("loop", bundles.fp32, frames)
            found["loop_int8"] = baseline("loop", bundles.int8, frames)
        return found

    def _turn(self, daemon: TimedDaemon, baselines: Mapping[str, Measure]) -> _Turn:
        inspect = daemon.pid_of("inspect")
        with standing_still(inspect):
            rates = {name: one(self._seconds) for name, one in baselines.items()}
        begun = time.monotonic()
        aim = _tiles(daemon) + LEAST_FRAMES * self._tiles_per_frame
        time.sleep(self._seconds)
        wait_for(lambda: _tiles(daemon) >= aim, f"{LEAST_FRAMES} frames", FRAMES_S)
        return _Turn(rates, begun, time.monotonic())

    def _ratio(self, number: int, turn: _Turn, offered: float, done_at: Sequence[float]) -> Ratio:
        """With the daemon's rate from those moments at which a frame was done that lie within."""
        frames_per_s = rate([at for at in done_at if turn.from_s < at < turn.to_s])
        return Ratio(
            shape=self._shape.name, tiles_per_frame=self._tiles_per_frame,
            frame_m=self._material.size.rows * MM_PER_PX / 1000, input_px=self._shape.input_px,
            wide_stem=self._shape.stem_stride == 4, isa=self._isa,
            round=self._number, turn=number,
            offered=offered, daemon=frames_per_s * self._tiles_per_frame, **turn.baselines,
        )  # fmt: skip


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """A process stopped within the context."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


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
