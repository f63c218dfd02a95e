"""What a folder full of day files costs: a commit, a restart, a reader that is new."""

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from contract.events import Draft
from edge.clock import SystemClock
from edge.ledger.log import EventLog
from edge.ledger.reader import EventReader
from tests.bench.figures import percentile
from tests.bench.material import Material
from tests.bench.result import Cost
from tests.unit.edge.ledger.making import DAY_NS, SOURCE, SetClock, commit, defect

EVENTS_PER_DAY = 200
EVENTS_PER_COMMIT = 4


def with_days(material: Material, series: str, days: Sequence[int], count: int) -> list[Cost]:
    """A row for each number of days: milliseconds of a commit, of the first one, which begins a
    day's file, and of opening the log again, for writing and for reading one coil's events.
    """
    return [Cost(series=series, value=n, figures=_cost(material, n, count)) for n in days]


def _cost(material: Material, days: int, count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(dir=material.scratch()) as name:
        folder = Path(name)
        _fill(folder, days)
        begun = time.perf_counter()
        log = EventLog(folder, SOURCE, SystemClock())
        log.open()
        opened_s = time.perf_counter() - begun
        commits = []
        for number in range(count):
            drafts = _closed(f"now/{number}", EVENTS_PER_COMMIT)
            begun = time.perf_counter()
            log.commit(commit(*drafts, frame=number))
            commits.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        reader = EventReader(folder)
        found = reader.of_coil("now", ["defect"])
        read_s = time.perf_counter() - begun
        reader.close()
        log.close()
    expected = count * EVENTS_PER_COMMIT
    assert len(found) == expected, f"{len(found)} events read, {expected} written"
    return {
        "commit ms": 1000 * percentile(commits[1:], 0.5),
        "commit p99 ms": 1000 * percentile(commits[1:], 0.99),
        "first commit ms": 1000 * commits[0],
        "open for writing ms": 1000 * opened_s,
        "open and read a coil ms": 1000 * read_s,
    }


def _fill(folder: Path, days: int) -> None:
    """Files of the days before today, on disk: what waits to be written would be paid for by the
    first sync after it.
    """
    today_ns = SystemClock().now().utc_ns
    clock = SetClock(today_ns)
    log = EventLog(folder, SOURCE, clock)
    for back in range(days, 0, -1):
        clock.utc_ns = today_ns - back * DAY_NS
        if back == days:
            log.open()
        log.commit(commit(*_closed(f"{back}", EVENTS_PER_DAY)))
    if days:
        log.close()
    os.sync()


def _closed(name: str, count: int) -> list[Draft]:
    """Defects of the coil that the name begins with. An open one would be carried from file to
    file, and there are never many of them.
    """
    coil = name.split("/", maxsplit=1)[0]
    return [defect(f"{name}/{k}", phase="closed", coil=coil) for k in range(count)]
