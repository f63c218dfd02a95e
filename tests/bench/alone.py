"""Baselines, each in a process of its own: `python -m tests.bench.alone WHAT BUNDLE PIXELS` reads
seconds, a line each, and answers each with the tiles per second over that long.

    bare   OpenVINO on ready tiles, nothing around it; the graph as the daemon's backend turns it
    plain  the same with the graph as it is in the bundle
    loop   what one writes first: slice each tile, resize it, stack, one ONNX Runtime call, argmax
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
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
CHOOSE_S, CHOOSE_TURNS = 0.5, 3
"""For each hint and batch between which the bare engine has the choice."""
Measure = Callable[[float], float]
"""Tiles per second over so many seconds."""


def bare_engine(bundle: Bundle, tiles: U8) -> Measure:
    """What the best engine could do."""
    return _engine(widen(bundle.model.read_bytes()), tiles)


def plain_engine(bundle: Bundle, tiles: U8) -> Measure:
    """What anybody has who gives the file to OpenVINO."""
    return _engine(bundle.model.read_bytes(), tiles)


def _engine(graph: bytes, tiles: U8) -> Measure:
    """The better of OpenVINO's latency and throughput hint at the best batch. It is chosen first,
    in turns, and measured afterwards: the best of several short looks is the luckiest as well.
    """
    core = ov.Core()
    model = core.read_model(graph)
    choices: list[Measure] = []
    for hint in ("LATENCY", "THROUGHPUT"):
        compiled = core.compile_model(model, "CPU", {"PERFORMANCE_HINT": hint})
        for batch in BATCHES:
            ready = np.resize(tiles, (batch, *tiles.shape[1:]))
            choices.append(_queue(compiled, ready))
    turns = [[choice(CHOOSE_S) for choice in choices] for _ in range(CHOOSE_TURNS)]
    return choices[int(np.median(turns, axis=0).argmax())]


def _queue(compiled: ov.CompiledModel, batch: U8) -> Measure:
    queue = ov.AsyncInferQueue(compiled)

    def run(count: int) -> None:
        for _ in range(count):
            queue.start_async([batch], share_inputs=True)
        queue.wait_all()

    run(2 * len(queue))
    return partial(_rate, run, len(batch), len(queue))


def straightforward_loop(bundle: Bundle, frames: U8) -> Measure:
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
    return partial(_rate, run, (rows // tile) * (columns // tile), 1)


def _rate(run: Callable[[int], None], tiles: int, chunk: int, seconds: float) -> float:
    start, done, elapsed = time.perf_counter(), 0, 0.0
    while not done or elapsed < seconds:
        run(chunk)
        done += chunk
        elapsed = time.perf_counter() - start
    return done * tiles / elapsed


BASELINES = {"bare": bare_engine, "plain": plain_engine, "loop": straightforward_loop}


@contextmanager
def baseline(what: str, bundle: Bundle, pixels: Path, isa: Isa = "all") -> Iterator[Measure]:
    """A baseline in a child, ready within the context and idle between two calls.

    Args:
        what: one of `BASELINES`.
        bundle: whose network runs.
        pixels: a file of numpy's: tiles for an engine, frames for the loop.
        isa: what OpenVINO may use.
    """
    command = [
        *capped(isa), sys.executable, "-m", "tests.bench.alone",
        what, str(bundle.path.resolve()), str(pixels.resolve()),
    ]  # fmt: skip
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as child:
        asks, answers = child.stdin, child.stdout
        assert asks is not None
        assert answers is not None

        def rate(seconds: float) -> float:
            asks.write(f"{seconds}\n")
            asks.flush()
            answer = answers.readline()
            assert answer, f"the baseline {what} has ended; its own words are above"
            return float(answer)

        rate(0)
        yield rate


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.alone", description=__doc__)
    parser.add_argument("what", choices=BASELINES)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("pixels", type=Path)
    given = parser.parse_args()
    measure = BASELINES[given.what](open_bundle(given.bundle), np.load(given.pixels))
    for line in sys.stdin:
        sys.stdout.write(f"{measure(float(line))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
