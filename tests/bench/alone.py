"""Baselines, each in a process of its own: `python -m tests.bench.alone WHAT BUNDLE PIXELS SECONDS`
prints tiles per second.

    bare   OpenVINO on ready tiles, nothing around it; the graph as the daemon's backend turns it
    plain  the same with the graph as it is in the bundle
    loop   what one writes first: slice each tile, resize it, stack, one ONNX Runtime call, argmax
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import openvino as ov

from contract.bundle import Bundle, open_bundle
from edge.types import U8
from runtime.wide_batch import widen
from tests.bench.isa import capped
from tests.bench.result import Isa
from tests.conftest import ROOT

BATCHES = (8, 32, 128)
TRIES = 2 * len(BATCHES)
"""Hints and batches between which the bare engine has the choice."""


def bare_engine(bundle: Bundle, tiles: U8, seconds: float) -> float:
    """What the best engine could do."""
    return _engine(widen(bundle.model.read_bytes()), tiles, seconds)


def plain_engine(bundle: Bundle, tiles: U8, seconds: float) -> float:
    """What anybody has who gives the file to OpenVINO."""
    return _engine(bundle.model.read_bytes(), tiles, seconds)


def _engine(graph: bytes, tiles: U8, seconds: float) -> float:
    """The better of OpenVINO's latency and throughput hint at the best batch; each is tried for
    its share of the time.
    """
    core = ov.Core()
    model = core.read_model(graph)
    best = 0.0
    for hint in ("LATENCY", "THROUGHPUT"):
        compiled = core.compile_model(model, "CPU", {"PERFORMANCE_HINT": hint})
        for batch in BATCHES:
            ready = np.resize(tiles, (batch, *tiles.shape[1:]))
            best = max(best, _queue_rate(compiled, ready, seconds / TRIES))
    return best


def _queue_rate(compiled: ov.CompiledModel, batch: U8, seconds: float) -> float:
    queue = ov.AsyncInferQueue(compiled)

    def run(count: int) -> None:
        for _ in range(count):
            queue.start_async([batch], share_inputs=True)
        queue.wait_all()

    run(2 * len(queue))
    return _rate(run, len(batch), seconds, chunk=len(queue))


def straightforward_loop(bundle: Bundle, frames: U8, seconds: float) -> float:
    """Over frames `F x H x W`; the network is given all tiles of a frame at once."""
    session = onnxruntime.InferenceSession(
        bundle.model.read_bytes(), providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    side, tile = bundle.card.input_px, bundle.card.tile_px
    rows, columns = frames.shape[1:]

    def inspect(frame: U8) -> np.ndarray:
        tiles = []
        for top in range(0, rows - tile + 1, tile):
            for left in range(0, columns - tile + 1, tile):
                piece = frame[top : top + tile, left : left + tile]
                tiles.append(cv2.resize(piece, (side, side), interpolation=cv2.INTER_AREA))
        probabilities = session.run(None, {name: np.stack(tiles)})[0]
        labels: np.ndarray = probabilities.argmax(axis=1)
        return labels

    offered = cycle(frames)

    def run(count: int) -> None:
        for _ in range(count):
            inspect(next(offered))

    run(2)
    return _rate(run, (rows // tile) * (columns // tile), seconds, chunk=1)


def _rate(run: Callable[[int], None], tiles: int, seconds: float, chunk: int) -> float:
    start, done = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - start) < seconds:
        run(chunk)
        done += chunk
    return done * tiles / elapsed


BASELINES = {"bare": bare_engine, "plain": plain_engine, "loop": straightforward_loop}


def baseline(what: str, bundle: Bundle, pixels: Path, seconds: float, isa: Isa = "all") -> float:
    """Tiles per second of a baseline, in a child.

    Args:
        what: one of `BASELINES`.
        bundle: whose network runs.
        pixels: a file of numpy's: tiles for an engine, frames for the loop.
        seconds: to measure for.
        isa: what OpenVINO may use.
    """
    command = [
        *capped(isa), sys.executable, "-m", "tests.bench.alone",
        what, str(bundle.path.resolve()), str(pixels.resolve()), str(seconds),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.alone", description=__doc__)
    parser.add_argument("what", choices=BASELINES)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("pixels", type=Path)
    parser.add_argument("seconds", type=float)
    given = parser.parse_args()
    rate = BASELINES[given.what](open_bundle(given.bundle), np.load(given.pixels), given.seconds)
    sys.stdout.write(f"{rate}\n")


if __name__ == "__main__":
    main()
