"""A full GigE camera, every event delivered: the design's scenarios (a), every tile classified,
and (b), full detail with a screen that lets a tenth of the tiles through.

115 MB/s of Mono8 open loop, a defect in every frame or so, a real mosquitto, a consumer that
checks `seq`, and both processes' metrics scraped each second.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from contract.bundle import Bundle
from tests.bench.alone import baseline
from tests.bench.bundles import Shape
from tests.bench.isa import CAPS, capped
from tests.bench.material import Material
from tests.bench.ratios import START_S, sections
from tests.bench.result import Camera, Isa, Latency, Result, Scenario
from tests.bench.screened import SUSPICIOUS
from tests.bench.step import Effort, Step
from tests.bench.timed import TimedDaemon, between, outside_network, values
from tests.line.broker import Broker
from tests.line.consumer import Consumer
from tests.line.daemon import Daemon, write_config

GIGE_BYTES_PER_S = 115e6
SETTLE_S = 2.0
"""Left out at the start: the first connection, the first pages of the ledger."""
SCRAPE_S = 1.0
COMMITTED = "stripsight_grabbed_to_committed_seconds"
ACKNOWLEDGED = "stripsight_grabbed_to_acknowledged_seconds"
TOPIC = "stripsight/mill/line-1/top/events"


class Line(NamedTuple):
    """A scenario: which network looks at which tiles, and how long the coils are."""

    scenario: Scenario
    shape: Shape
    coil_m: float
    """A screen learns each coil anew, on tiles that all reach the network."""

    @property
    def share(self) -> float:
        """Of the tiles that the network is shown."""
        return SUSPICIOUS if self.scenario == "b" else 1.0

    def bundle(self, material: Material) -> Bundle:
        """With a defect a frame on average."""
        if self.scenario == "b":
            return material.screened(self.shape)
        return material.bundles(self.shape).reporting


LINES = (Line("a", Shape(256, 64, 2), 100.0), Line("b", Shape(128, 128, 4), 1000.0))


def steps(material: Material, effort: Effort) -> Iterator[Step]:
    """All rounds as the processor is, and one of (a) under each cap."""
    seconds = effort.camera_frames / frames_per_s(material)
    for number in range(1, effort.rounds + 1):
        for line in LINES:
            for isa in CAPS if number == 1 and line.scenario == "a" else CAPS[:1]:
                yield Step(
                    f"camera ({line.scenario}): 115 MB/s, {isa} instructions, round {number}",
                    SETTLE_S + seconds + effort.seconds + 2 * START_S,
                    _Round(material, line, isa, number, seconds, effort.seconds),
                )


def frames_per_s(material: Material) -> float:
    """Of a full GigE camera."""
    return GIGE_BYTES_PER_S / material.size.bytes


@contextmanager
def mill(folder: Path) -> Iterator[tuple[int, Consumer]]:
    """A mosquitto's port, and a consumer of the line's events."""
    broker = Broker(folder / "broker")
    broker.start()
    try:
        consumer = Consumer(broker.port, TOPIC)
        try:
            yield broker.port, consumer
        finally:
            consumer.close()
    finally:
        broker.stop()


def line_config(material: Material, line: Line, folder: Path, port: int) -> Path:
    """The scenario's line; what is not named here is as by default, the deadline of 50 ms too."""
    receiver = {"name": "mill", "host": "127.0.0.1", "port": port}
    scenario = sections(material, line.bundle(material), frames_per_s(material))
    changes = {
        "coils": {**scenario["coils"], "length_m": line.coil_m},
        "inspect": {"screen": line.scenario == "b"},
        "deliver": {"mqtt": [receiver]},
    }
    return write_config(folder, {**scenario, **changes})


class Scrape(NamedTuple):
    """When, and what both processes answered."""

    at_s: float
    inspect: dict[str, float]
    courier: dict[str, float]


def scrape_each_second(daemon: Daemon, seconds: float) -> Iterator[Scrape]:
    """As a Prometheus would, from now on; at least the first and the last moment."""
    begun = time.monotonic()
    yield _scrape(daemon)
    while (left_s := begun + seconds - time.monotonic()) > 0:
        time.sleep(min(left_s, SCRAPE_S))
        yield _scrape(daemon)


def _scrape(daemon: Daemon) -> Scrape:
    at_s = time.monotonic()
    return Scrape(at_s, daemon.metrics(), daemon.metrics("courier_port"))


class _Round:
    """One round under one cap."""

    def __init__(
        self, material: Material, line: Line, isa: Isa, number: int, seconds: float, bare_s: float
    ) -> None:
        self._material, self._line, self._isa, self._number = material, line, isa, number
        self._seconds, self._bare_s = seconds, bare_s

    def __call__(self, result: Result) -> str:
        material = self._material
        with tempfile.TemporaryDirectory(dir=material.scratch()) as name:
            folder = Path(name)
            batch_s = self._batch_s(folder)
            with mill(folder) as (port, consumer):
                config = line_config(material, self._line, folder, port)
                with TimedDaemon(config, capped(self._isa)) as daemon:
                    daemon.wait_until_inspecting()
                    time.sleep(SETTLE_S)
                    first, *_, last = scrape_each_second(daemon, self._seconds)
            found = Camera(
                scenario=self._line.scenario, isa=self._isa, round=self._number, batch=batch_s,
                frame_bytes=material.size.bytes, tiles_per_frame=self._tiles,
                offered_per_s=frames_per_s(material),
                events=len(consumer.events), gaps=len(consumer.gaps),
                **counted(first, last),
                **_timed(daemon, first.at_s, last.at_s),
            )  # fmt: skip
        result.camera.append(found)
        committed, acknowledged = found.committed.p99 * 1000, found.acknowledged.p99 * 1000
        return (
            f"{found.frames} frames, {sum(found.lost.values())} lost,"
            f" {found.cells.get('late', 0)} cells late; p99 committed {committed:.1f} ms,"
            f" acknowledged {acknowledged:.1f} ms"
        )

    @property
    def _tiles(self) -> int:
        return self._material.size.tiles(self._line.shape.tile_px)

    def _batch_s(self, folder: Path) -> float:
        """What the network alone takes for the tiles of a frame that it is shown."""
        material, shape = self._material, self._line.shape
        tiles = folder / "tiles.npy"
        np.save(tiles, material.tiles(shape)[:128])
        with baseline("bare", material.bundles(shape).int8, tiles, self._isa) as bare:
            return self._line.share * self._tiles / bare(self._bare_s)


def counted(first: Scrape, last: Scrape) -> dict[str, Any]:
    """What the counters rose by."""

    def rise(counter: str) -> dict[str, int]:
        rises = {
            key.split('"')[1]: round(value - first.inspect.get(key, 0))
            for key, value in last.inspect.items()
            if key.startswith(counter + "{")
        }
        return {label: count for label, count in rises.items() if count}

    return {
        "seconds": last.at_s - first.at_s,
        "lost": rise("stripsight_frames_lost_total"),
        "cells": rise("stripsight_cells_total"),
    }


def _timed(daemon: TimedDaemon, from_s: float, to_s: float) -> dict[str, Any]:
    """Exact distributions within the stretch."""
    every = daemon.samples("inspect")
    inspect = between(every, from_s, to_s)
    courier = between(daemon.samples("courier"), from_s, to_s)
    outside = [seconds for at_s, seconds in outside_network(every) if from_s <= at_s < to_s]
    stages: dict[str, list[float]] = {}
    for sample in inspect:
        if sample.stage is not None:
            stages.setdefault(sample.stage, []).append(sample.value)
    return {
        "frames": len(stages["frame"]),
        "inspected_per_s": len(stages["frame"]) / (to_s - from_s),
        "committed": Latency.of(values(inspect, COMMITTED)),
        "acknowledged": Latency.of(values(courier, ACKNOWLEDGED)),
        "outside": Latency.of(outside),
        "stages": {stage: Latency.of(found) for stage, found in stages.items()},
    }
