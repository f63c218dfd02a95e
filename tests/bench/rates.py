"""Tiles per second of three things: the bare engine, the straightforward loop, the whole daemon."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import onnxruntime
import openvino as ov

from contract.bundle import Bundle
from tests.bench.bundles import MM_PER_PX, TILE_PX
from tests.line.daemon import Daemon, write_config
from tests.waiting import wait_for

BATCHES = (8, 32, 128)
FRAME_ROWS, FRAME_COLUMNS = 1024, 2048
TILES_PER_FRAME = (FRAME_ROWS // TILE_PX) * (FRAME_COLUMNS // TILE_PX)
OVERLOAD = 1.25
"""Frames are offered this much faster than the bare engine, so that the daemon is never idle."""
NORMAL_LOAD = 0.6
"""Share of the bare engine's rate at which the latency is taken."""


class DaemonRate(NamedTuple):
    """What was offered, what was classified, and the p99 from grab to commit."""

    offered: float
    accepted: float
    p99_s: float


def bare_engine(bundle: Bundle, tiles: np.ndarray, seconds: float) -> float:
    """The better of OpenVINO's latency and throughput hint at the best batch, nothing around it."""
    core = ov.Core()
    model = core.read_model(bundle.model.read_bytes())
    best = 0.0
    for hint in ("LATENCY", "THROUGHPUT"):
        compiled = core.compile_model(model, "CPU", {"PERFORMANCE_HINT": hint})
        for batch in BATCHES:
            best = max(best, _queue_rate(compiled, tiles[:batch], seconds))
    return best


def _queue_rate(compiled: ov.CompiledModel, batch: np.ndarray, seconds: float) -> float:
    queue = ov.AsyncInferQueue(compiled)

    def run(count: int) -> None:
        for _ in range(count):
            queue.start_async([batch], share_inputs=True)
        queue.wait_all()

    run(2 * len(queue))
    return _rate(run, len(batch), seconds, chunk=len(queue))


def _rate(run: Callable[[int], None], tiles: int, seconds: float, chunk: int) -> float:
    start, done = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - start) < seconds:
        run(chunk)
        done += chunk
    return done * tiles / elapsed


def straightforward_loop(bundle: Bundle, frames: Sequence[np.ndarray], seconds: float) -> float:
    """What one writes first: slice each tile, resize it, stack, one ONNX Runtime call, argmax."""
    session = onnxruntime.InferenceSession(
        bundle.model.read_bytes(), providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    side = bundle.card.input_px

    def inspect(frame: np.ndarray) -> np.ndarray:
        tiles = []
        for top in range(0, FRAME_ROWS, TILE_PX):
            for left in range(0, FRAME_COLUMNS, TILE_PX):
                tile = frame[top : top + TILE_PX, left : left + TILE_PX]
                tiles.append(cv2.resize(tile, (side, side), interpolation=cv2.INTER_AREA))
        probabilities = session.run(None, {name: np.stack(tiles)})[0]
        labels: np.ndarray = probabilities.argmax(axis=1)
        return labels

    offered = _endless(frames)

    def run(count: int) -> None:
        for _ in range(count):
            inspect(next(offered))

    run(2)
    return _rate(run, TILES_PER_FRAME, seconds, chunk=1)


def whole_daemon(
    bundle: Bundle, folder: Path, frames: Path, offered: float, seconds: float
) -> DaemonRate:
    """`stripsight-edge run` with synced ledger and metrics, tiles offered open loop on a clock."""
    frames_per_s = offered / TILES_PER_FRAME
    config = write_config(folder, _sections(bundle, frames, frames_per_s))
    with Daemon(config) as daemon:
        daemon.wait_until_inspecting()
        first = wait_for(lambda: _tiles_after(daemon, 2 * TILES_PER_FRAME), "tiles", 60)
        start = time.perf_counter()
        before = daemon.metrics()
        wait_for(lambda: time.perf_counter() - start >= seconds, "time", seconds + 5)
        after, elapsed = daemon.metrics(), time.perf_counter() - start
    assert first
    tiles = after["stripsight_tiles_total"] - before["stripsight_tiles_total"]
    return DaemonRate(frames_per_s * TILES_PER_FRAME, tiles / elapsed, _p99(before, after))


def _sections(bundle: Bundle, frames: Path, frames_per_s: float) -> dict[str, object]:
    return {
        "bundle": str(bundle.path.resolve()),
        "source": {
            "kind": "folder", "path": str(frames.resolve()),
            "frames_per_s": frames_per_s, "repeat": True,
        },
        "optics": {"mm_per_px_along": MM_PER_PX, "mm_per_px_across": MM_PER_PX},
        "strip": {"edges": "fixed"},
        "coils": {"length_m": 100.0, "width_mm": FRAME_COLUMNS * MM_PER_PX},
        "inspect": {"deadline_s": 10.0, "frame_buffer": 2},
    }  # fmt: skip


def _tiles_after(daemon: Daemon, count: float) -> bool:
    return daemon.metrics().get("stripsight_tiles_total", 0) >= count


def _p99(before: dict[str, float], after: dict[str, float]) -> float:
    """Upper edge of the bucket that holds the 99th percentile."""
    name = "stripsight_grabbed_to_committed_seconds_bucket"
    counts = {
        float(key.split('"')[1]): after[key] - before.get(key, 0)
        for key in after
        if key.startswith(name)
    }
    total = max(counts.values())
    return min(edge for edge, count in counts.items() if count >= 0.99 * total)


def _endless(frames: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    while True:
        yield from frames
