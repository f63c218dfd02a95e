"""`python -m tests.bench.engine_choices`: how a frame's tiles are best given to OpenVINO.

Each row is one choice changed; in turns, so that a machine that is slower for a while is so for
all. A ratio is to the daemon's own choice in the same turn (ADR 19).
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import openvino as ov

from edge.types import U8
from runtime.wide_batch import SMALL_PX, widen
from tests.bench.__main__ import CACHE
from tests.bench.bundles import Shape
from tests.bench.figures import percentile
from tests.bench.machine import machine
from tests.bench.material import Material

SHAPES = (Shape(256, 64, 2), Shape(128, 128, 4), Shape(128, 128, 2))
TURNS, SECONDS = 16, 0.25
FRAME_TILES = 64
OURS = "as the daemon does"
LATENCY, THROUGHPUT = ({"PERFORMANCE_HINT": hint} for hint in ("LATENCY", "THROUGHPUT"))
Run = Callable[[], int]
"""Classify some tiles; returns how many."""


class Found(NamedTuple):
    """Tiles per second, and the ratio to the daemon's choice with its quartiles."""

    tiles_per_s: float
    ratio: float
    low: float
    high: float


def main() -> None:
    material = Material(CACHE)
    for shape in SHAPES:
        graph = material.bundles(shape).int8.model.read_bytes()
        choices = dict(_choices(graph, material.tiles(shape)))
        print(f"{shape.name}: a frame of {FRAME_TILES} tiles, int8")
        print(f"  {'':44}  tiles/s  ratio (quartiles of {TURNS} turns)")
        for name, found in _measured(choices):
            ratio = f"{found.ratio:.2f} ({found.low:.2f} to {found.high:.2f})"
            print(f"  {name:44} {found.tiles_per_s:8.0f}  {ratio}", flush=True)
    print(machine())


def _choices(graph: bytes, tiles: U8) -> Iterator[tuple[str, Run]]:
    turned = widen(graph)
    yield OURS, _run(turned, tiles, LATENCY)
    yield "deep layers as they are in the file", _run(graph, tiles, LATENCY)
    for px in (2, 4, 16):
        yield f"turned from {px} px on, not {SMALL_PX}", _run(widen(graph, px), tiles, LATENCY)
    yield "two streams of a thread, half the frame each", _run(turned, tiles, THROUGHPUT, 2)
    yield "the same in quarters", _run(turned, tiles, THROUGHPUT, 4)
    yield "one after the other in halves", _run(turned, tiles, LATENCY, 2)
    bfloat = {**LATENCY, "INFERENCE_PRECISION_HINT": "bf16"}
    yield "bfloat16 for what is not int8", _run(turned, tiles, bfloat)
    yield "threads not pinned", _run(turned, tiles, {**LATENCY, "ENABLE_CPU_PINNING": False})
    yield "one thread", _run(turned, tiles, {**LATENCY, "INFERENCE_NUM_THREADS": 1})
    yield "two frames as one batch", _run(turned, tiles, LATENCY, 1, 2)
    yield "two streams, two frames each", _run(turned, tiles, THROUGHPUT, 2, 4)


def _run(graph: bytes, tiles: U8, hint: dict[str, Any], parts: int = 1, frames: int = 1) -> Run:
    """So many frames in so many parts, as many of them at once as the hint has streams."""
    core = ov.Core()
    settings = {"INFERENCE_PRECISION_HINT": "f32", **hint}
    queue = ov.AsyncInferQueue(core.compile_model(core.read_model(graph), "CPU", settings))
    part = np.resize(tiles, (frames * FRAME_TILES // parts, *tiles.shape[1:]))

    def run() -> int:
        for _ in range(parts):
            queue.start_async([part], share_inputs=True)
        queue.wait_all()
        return parts * len(part)

    return run


def _measured(choices: dict[str, Run]) -> Iterator[tuple[str, Found]]:
    for run in choices.values():
        run()
    turns = [{name: _rate(run) for name, run in choices.items()} for _ in range(TURNS)]
    for name in choices:
        ratios = [turn[name] / turn[OURS] for turn in turns]
        rate = percentile([turn[name] for turn in turns], 0.5)
        yield name, Found(rate, *(percentile(ratios, share) for share in (0.5, 0.25, 0.75)))


def _rate(run: Run) -> float:
    start, tiles = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - start) < SECONDS:
        tiles += run()
    return tiles / elapsed


if __name__ == "__main__":
    main()
