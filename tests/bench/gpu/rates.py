"""What is measured: an engine by batch, the whole daemon, and a takeover by the standby."""

import itertools
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, cast

import numpy as np

from contract.bundle import Bundle
from contract.card import Precision
from contract.errors import BundleError
from export.engine import build_apart
from runtime.backends.onnxruntime import CudaBackend
from runtime.engine import BATCH_SIZES, Engine, load_engine
from runtime.factory import BACKENDS, Backend, open_backend
from runtime.golden import compare
from tests.bench.gpu.bundles import MM_PER_PX, TILES_PER_FRAME
from tests.line.daemon import Daemon, write_config
from tests.waiting import wait_for

OVERLOAD = 1.25
IN_TURNS = (96, 128)
"""Frames with a few tiles more or less."""


class Case(NamedTuple):
    """A row: a backend with a bundle."""

    backend: str
    precision: Precision
    unbound: bool = False
    """By `session.run`, to see what the bound memory brings."""

    @property
    def name(self) -> str:
        """Of its row."""
        return f"{self.backend} {self.precision}" + (", session.run" if self.unbound else "")

    @property
    def is_the_lines(self) -> bool:
        """Whether a line can run it so."""
        return self.backend in BACKENDS and not self.unbound


class NchwBackend(CudaBackend):
    """CUDA with the channels first, as in the file: to see what the line's way is worth."""

    options: ClassVar[Mapping[str, str]] = {}


def engine_row(case: Case, bundle: Bundle, tiles: np.ndarray, seconds: float) -> dict[str, Any]:
    backend = _backend(case, bundle)
    infer: Callable[[np.ndarray], Any] = backend.infer
    if case.unbound:
        session = cast("Any", backend)._session

        def infer(pixels: np.ndarray) -> Any:  # noqa: ANN401
            return session.run(["probabilities", "embedding"], {"pixels": pixels})

    golden = bundle.golden()
    off = compare(np.array(infer(golden.pixels)[0]), golden.probabilities)
    rates = {n: _rate(infer, [tiles[:n]], seconds) for n in BATCH_SIZES}
    in_turns = _rate(infer, [tiles[:n] for n in IN_TURNS], seconds)
    return {"rates": rates, "in_turns": in_turns, "off": off.max_probability_difference}


def _backend(case: Case, bundle: Bundle) -> Backend:
    model = bundle.model.read_bytes()
    if case.backend == "cuda-nchw":
        return NchwBackend(model, case.precision, 0, None)
    if case.backend == "tensorrt":
        code = build_apart(bundle.path, None, print)
        if code:
            raise BundleError(f"no engine: stripsight-export engine ended with {code}")
        engine = load_engine(bundle, ["tensorrt"], 0)
        return engine._backend
    return open_backend(case.backend, model, case.precision, 0)


def _rate(
    infer: Callable[[np.ndarray], Any], batches: Sequence[np.ndarray], seconds: float
) -> float:
    for batch in [*batches] * 5:
        infer(batch)
    start, done = time.perf_counter(), 0
    for batch in itertools.cycle(batches):
        infer(batch)
        done += len(batch)
        if (elapsed := time.perf_counter() - start) >= seconds:
            break
    return done / elapsed


def whole_daemon(
    bundle: Bundle, backend: str, frames: Path, engine_rate: float, seconds: float
) -> dict[str, float]:
    """`stripsight-edge run` over preloaded frames, offered open loop a quarter above the engine."""
    backends = list(dict.fromkeys([backend, "onnxruntime"]))
    sections = {
        "bundle": str(bundle.path),
        "source": {
            "kind": "folder", "path": str(frames), "repeat": True,
            "frames_per_s": OVERLOAD * engine_rate / TILES_PER_FRAME,
        },
        "optics": {"mm_per_px_along": MM_PER_PX, "mm_per_px_across": MM_PER_PX},
        "strip": {"edges": "fixed"},
        "coils": {"length_m": 100.0, "width_mm": 2048 * MM_PER_PX},
        "inspect": {"deadline_s": 10.0, "frame_buffer": 2, "backends": backends},
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:  # noqa: SIM117 - the daemon ends first
        with Daemon(write_config(Path(folder), sections)) as daemon:
            daemon.wait_until_inspecting()
            wait_for(lambda: _tiles(daemon.metrics()) > 2 * TILES_PER_FRAME, "tiles", 60)
            start, before = time.perf_counter(), daemon.metrics()
            wait_for(lambda: time.perf_counter() - start >= seconds, "time", seconds + 5)
            after, elapsed = daemon.metrics(), time.perf_counter() - start
            ran_on = daemon.status()["backend"]
    if ran_on != backends[0]:
        raise BundleError(f"the daemon ran on {ran_on}")
    frames_seen = (_tiles(after) - _tiles(before)) / TILES_PER_FRAME
    stages = {
        f"{stage}_ms": 1e3 * (after[key] - before[key]) / frames_seen
        for stage in ("strip", "cut", "classify", "join", "quantify", "decide")
        for key in [f'stripsight_stage_seconds_sum{{stage="{stage}"}}']
    }
    return {"tiles/s": frames_seen * TILES_PER_FRAME / elapsed, **stages}


def _tiles(metrics: dict[str, float]) -> float:
    return metrics.get("stripsight_tiles_total", 0)


def takeover(bundle: Bundle, backend: str, tiles: np.ndarray) -> dict[str, float]:
    """Seconds of a classify whose first call fails, a frame's worth of tiles, the standby warm."""
    engine = load_engine(bundle, [backend], 0)
    standby = open_backend("onnxruntime", bundle.model.read_bytes(), bundle.card.precision, 0)
    ready = Engine(bundle.card, _Lost(engine._backend), BATCH_SIZES, None, standby)
    standby.infer(tiles)
    standby.infer(tiles)
    start = time.perf_counter()
    ready.classify(tiles)
    return {"s": time.perf_counter() - start}


class _Lost:
    """A backend whose device is gone; what it held stays on the device."""

    def __init__(self, held: Backend) -> None:
        self.name, self._held = held.name, held

    def infer(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        raise BundleError(f"the device is gone ({len(pixels)} tiles)")
