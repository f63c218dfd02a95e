"""Resident memory over an hour of scenario (a): does it rise?"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.camera import LINES, Scrape, line_config, mill, scrape_each_second
from tests.bench.figures import means_per, slope
from tests.bench.material import Material
from tests.bench.ratios import START_S
from tests.bench.result import Memory, Result
from tests.bench.step import Effort, Step
from tests.line.daemon import Daemon

DISCARDED_MINUTES = 10.0
"""Caches fill at first: SQLite's pages, the allocator's arenas, the coil's account."""
DISCARDED_SHARE = 1 / 6
"""Of a shorter run."""
LEAST = 40
"""Scrapes without which there is no slope."""
RESIDENT = "process_resident_memory_bytes"
MB = 1e6


def steps(material: Material, effort: Effort) -> Iterator[Step]:
    """One, as long as it takes; none for zero minutes."""
    minutes = effort.memory_minutes
    if minutes > 0:
        yield Step(
            f"memory: {minutes:g} minutes of 115 MB/s",
            60 * minutes + START_S,
            _Watch(material, minutes),
        )


class _Watch:
    def __init__(self, material: Material, minutes: float) -> None:
        self._material, self._minutes = material, minutes

    def __call__(self, result: Result) -> str:
        series: dict[str, list[tuple[float, float]]] = {"inspect": [], "courier": []}
        begun = time.monotonic()
        try:
            for scrape in self._scrapes():
                minute = (scrape.at_s - begun) / 60
                for process, metrics in (("inspect", scrape.inspect), ("courier", scrape.courier)):
                    if RESIDENT in metrics:  # else it did not answer in time, once
                        series[process].append((minute, metrics[RESIDENT] / MB))
        finally:  # an hour broken off is worth its table too
            result.memory += [risen(*found) for found in series.items() if len(found[1]) >= LEAST]
        return ", ".join(f"{m.process} {m.slope_mb_per_h:+.2f} MB/h" for m in result.memory)

    def _scrapes(self) -> Iterator[Scrape]:
        """Of a daemon that is not timed, whose samples would be what rises."""
        with tempfile.TemporaryDirectory(dir=self._material.scratch()) as name:
            folder = Path(name)
            with mill(folder) as (port, consumer), self._daemon(folder, port) as daemon:
                daemon.wait_until_inspecting()
                for scrape in scrape_each_second(daemon, 60 * self._minutes):
                    yield scrape
                    del consumer.events[:-1]  # it compares with the last one only

    def _daemon(self, folder: Path, port: int) -> Daemon:
        return Daemon(line_config(self._material, LINES[0], folder, port))


def risen(process: str, series: list[tuple[float, float]]) -> Memory:
    """The slope over means of a minute (of a hundredth of a shorter run), so that neighbours do not
    repeat each other; `series` is (minute, MB).
    """
    minutes = series[-1][0]
    discarded = min(DISCARDED_MINUTES, DISCARDED_SHARE * minutes)
    means = means_per(min(1.0, minutes / 100), series)
    kept = [(minute / 60, mb) for minute, mb in means if minute >= discarded]
    found = slope([hour for hour, _ in kept], [mb for _, mb in kept])
    return Memory(
        process=process, discarded_minutes=discarded, per_minute=means,
        slope_mb_per_h=found.value, low=found.low, high=found.high,
    )  # fmt: skip
