"""`python -m tests.bench.ledger_week`: how fast a week of events is read; milliseconds, as a table.

Two events a second round the clock, 172,800 a day, 1.2 million a week: a coil every two and a half
minutes with 150 defects, each opened and closed. An operator can follow a thousandth of that.
The files are in the page cache, as they are on a line that has just written them; a `new reader`
opens them, as a command does, an `open` one is the courier's or the page's.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from contract.events import Draft
from edge.clock import SystemClock
from edge.ledger.log import EventLog
from edge.ledger.reader import EventReader
from tests.bench.figures import percentile
from tests.unit.edge.ledger.making import (
    DAY_NS,
    SOURCE,
    SetClock,
    coil_report,
    coil_started,
    commit,
    defect,
)

COILS_A_DAY = 576
DEFECTS_A_COIL = 149
"""With the coil's start and its report, 300 events."""
TIMES = 20
BATCH, PAGE = 512, 100

Query = Callable[[EventReader], object]


def main() -> None:
    parser = argparse.ArgumentParser(prog="ledger_week", description=__doc__)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--coils", type=int, default=COILS_A_DAY, help="a day")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, begun_s = Path(name), time.monotonic()
        last = _fill(folder, arguments.days, arguments.coils)
        size_mb = sum(path.stat().st_size for path in folder.glob("events-*")) / 1e6
        filled_s = time.monotonic() - begun_s
        print(
            f"{last} events, {arguments.days} files, {size_mb:.0f} MB, written in {filled_s:.0f} s"
        )
        print("\n| query | new reader ms | open reader ms | p99 ms |\n|---|---|---|---|")
        for query, ask in _queries(arguments.days, arguments.coils, last).items():
            new, opened = _new_s(folder, ask), _open_s(folder, ask)
            figures = percentile(new, 0.5), percentile(opened, 0.5), percentile(opened, 0.99)
            print(f"| {query} | " + " | ".join(f"{1000 * s:.2f}" for s in figures) + " |")


def _queries(days: int, coils: int, last: int) -> dict[str, Query]:
    newest, oldest, middle = f"{days}-{coils}", "1-1", f"{(days + 1) // 2}-{coils // 2}"
    return {
        "newest `seq`": lambda r: r.last_seq(),
        "`after`: what follows the newest event": lambda r: r.after(last, BATCH),
        "`after`: 512 events at the end": lambda r: _some(r.after(last - BATCH, BATCH)),
        "`after`: 512 events from the middle": lambda r: _some(r.after(last // 2, BATCH)),
        "`after`: 512 events from the beginning": lambda r: _some(r.after(0, BATCH)),
        "`latest`: 100 defects": lambda r: _some(r.latest(["defect"], PAGE)),
        "`latest`: 100 coil reports": lambda r: _some(r.latest(["coil_report"], PAGE)),
        "`of_coil`: all 300 events of the newest coil": lambda r: _some(r.of_coil(newest, [])),
        "`of_coil`: of one in the middle": lambda r: _some(r.of_coil(middle, [])),
        "`of_coil`: of the oldest": lambda r: _some(r.of_coil(oldest, [])),
        "`of_coil`: its report": lambda r: _some(r.of_coil(middle, ["coil_report"])),
        "`of_coil`: of one that never was": lambda r: r.of_coil("none", []),
    }


def _some(found: list[object]) -> None:
    assert found, "nothing was found"


def _new_s(folder: Path, ask: Query) -> list[float]:
    taken = []
    for _ in range(TIMES):
        begun_s = time.perf_counter()
        reader = EventReader(folder)
        ask(reader)
        taken.append(time.perf_counter() - begun_s)
        reader.close()
    return taken


def _open_s(folder: Path, ask: Query) -> list[float]:
    taken, reader = [], EventReader(folder)
    ask(reader)
    for _ in range(5 * TIMES):
        begun_s = time.perf_counter()
        ask(reader)
        taken.append(time.perf_counter() - begun_s)
    reader.close()
    return taken


def _fill(folder: Path, days: int, coils: int) -> int:
    """The last `seq`. The newest file is as a running line leaves it."""
    today_ns = SystemClock().now().utc_ns
    clock = SetClock(today_ns - (days - 1) * DAY_NS)
    log = EventLog(folder, SOURCE, clock, reserve_bytes=0)
    log.open()
    last = 0
    for number in range(days):
        for drafts in _coils(number + 1, coils):
            last = log.commit(commit(*drafts))[-1].seq
        print(f"day {number + 1} of {days} written", flush=True)
        clock.utc_ns += DAY_NS
    log.close()
    return last


def _coils(day: int, coils: int) -> Iterator[list[Draft]]:
    for number in range(1, coils + 1):
        coil = f"{day}-{number}"
        phases = [("opened", 1), ("closed", 2)]
        yield [
            coil_started(coil),
            *(
                defect(f"{coil}/{n}", revision, phase, coil)
                for n in range(DEFECTS_A_COIL)
                for phase, revision in phases
            ),
            coil_report(coil),
        ]


if __name__ == "__main__":
    main()
