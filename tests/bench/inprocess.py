"""Frames through the inspector and the ledger in this process, one after the other: what each of
them costs, with the network or with one whose answers are ready.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from prometheus_client import CollectorRegistry

from contract.bundle import Bundle
from edge.acquire.coils import ConstantCoils
from edge.clock import SystemClock
from edge.config import Config, load_config
from edge.inspect.loop import Inspector
from edge.ledger.log import EventLog
from edge.lifecycle.geometry import tile_size
from edge.lifecycle.model import Model
from edge.lifecycle.slot import ModelSlot
from edge.metrics import InspectMetrics
from edge.types import F32, U8, Frame, RowMap
from runtime.engine import BATCH_SIZES, Engine
from tests.bench.bundles import CLASSES, MM_PER_PX, bench_card, class_list
from tests.bench.figures import percentile
from tests.bench.material import Material
from tests.bench.ratios import sections
from tests.bench.timed import recording
from tests.line.daemon import write_config

SETTLE_FRAMES = 3
READY_FRAMES = 16
"""Frames whose answers are ready; then they come again."""
SURE, DOUBT = 0.9, 0.05


class Ready:
    """A backend that answers from a table and takes no time."""

    name = "ready"

    def __init__(self, probabilities: F32) -> None:
        self._probabilities, self._next = probabilities, 0

    def infer(self, pixels: U8) -> tuple[F32, F32]:
        """The table's next rows; no embedding."""
        rows = np.arange(self._next, self._next + len(pixels)) % len(self._probabilities)
        self._next = int(rows[-1]) + 1
        return self._probabilities[rows], np.zeros((len(pixels), 1), np.float32)


def answers(tiles: int, share: float, classes: int, seed: int = 0) -> F32:
    """Probabilities `tiles x classes`: a share of the tiles are defects of classes drawn evenly,
    the others clean (class 0).
    """
    rng = np.random.default_rng(seed)
    labels = np.zeros(tiles, np.intp)
    defects = rng.permutation(tiles)[: round(share * tiles)]
    labels[defects] = rng.integers(1, classes, len(defects))
    probabilities = np.full((tiles, classes), DOUBT / classes, np.float32)
    probabilities[np.arange(tiles), labels] = SURE
    return probabilities


def ready_model(config: Config, tile_px: int, share: float, classes: int = len(CLASSES)) -> Model:
    """A model without a network; `tile_px` is also the side of its input."""
    names = class_list(classes)
    card = bench_card(names, tile_px, min(tile_px, 64), "int8", 1, limit=0.5)
    table = answers(READY_FRAMES * 256, share, classes)
    engine = Engine(card, Ready(table), BATCH_SIZES, None)
    limits = np.array([np.inf, *(0.5 for _ in names.defects)], np.float32)
    bundle = Bundle(Path("ready"), card, "0" * 64)
    return Model(bundle, engine, limits, tile_size(card, config.optics))


def other_tile(model: Model, config: Config, tile_px: int) -> Model:
    """The same network for tiles of another size."""
    card = model.bundle.card.model_copy(update={"tile_px": tile_px})
    bundle = replace(model.bundle, card=card)
    return replace(model, bundle=bundle, size=tile_size(card, config.optics))


def line_of(material: Material, folder: Path, bundle: Bundle) -> Config:
    """A line's config, for what is run in this process."""
    return load_config(write_config(folder, sections(material, bundle, frames_per_s=1.0)))


def cost(
    folder: Path, config: Config, model: Model, frames: Sequence[U8], count: int
) -> dict[str, float]:
    """Milliseconds a frame: median of the network, median and p99 of all else, of the commit in it,
    and, not in it, of a copy of the pixels into new memory, as a camera's adapter makes it; and
    events a frame.
    """
    inspector = Inspector(
        config, ModelSlot(model), ConstantCoils(config.coils), InspectMetrics(CollectorRegistry()),
        SystemClock(),
    )  # fmt: skip
    network, outside, commits, copies, events = [], [], [], [], 0
    with tempfile.TemporaryDirectory(dir=folder) as ledger, recording() as samples:
        log = EventLog(Path(ledger), config.event_source, SystemClock())
        log.open()
        for frame in islice(_blocks(frames), SETTLE_FRAMES + count):
            samples.clear()
            asked = time.perf_counter()
            frame.pixels.copy()
            begun = time.perf_counter()
            commit = inspector.inspect(frame)
            inspected = time.perf_counter()
            written = log.commit(commit)
            committed = time.perf_counter()
            classify = sum(s.value for s in samples if s.stage == "classify")
            if frame.seq >= SETTLE_FRAMES:
                network.append(classify)
                copies.append(begun - asked)
                commits.append(committed - inspected)
                outside.append(committed - begun - classify)
                events += len(written)
        log.close()
    return {
        "network ms": 1000 * percentile(network, 0.5),
        "outside ms": 1000 * percentile(outside, 0.5),
        "outside p99 ms": 1000 * percentile(outside, 0.99),
        "of it commit ms": 1000 * percentile(commits, 0.5),
        "a copy ms": 1000 * percentile(copies, 0.5),
        "events": events / count,
    }


def _blocks(frames: Sequence[U8]) -> Iterator[Frame]:
    clock, row_m = SystemClock(), MM_PER_PX / 1000
    for seq, pixels in enumerate(cycle(frames)):
        rows = RowMap(seq * len(pixels) * row_m, row_m, len(pixels))
        yield Frame(seq, pixels, rows, None, clock.now())
