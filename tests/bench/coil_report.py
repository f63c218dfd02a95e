"""How long the report of a large coil takes: `python -m tests.bench.coil_report [--defects N]`.

Each defect is opened, measured and closed, so the ledger holds two events of it. Times are those of
the command as it is typed, Python's start included, the least of `TIMES` runs (others may have the
processor too), beside a plain read of the same bodies. Exit code 1 where a format takes a processor
`BOUND_S` or longer.
"""

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from contract.bodies import Extent, Measure
from contract.events import Draft
from edge.clock import SystemClock
from edge.ledger.log import EventLog
from edge.ledger.reader import EventReader
from edge.types import Commit
from tests.conftest import ROOT
from tests.line.daemon import write_config
from tests.unit.edge.console.strip_events import SOURCE, coil_report, coil_started, defect

COIL = "coil-0001"
LENGTH_M = 2000.0
PER_COMMIT = 500
CLASSES = 7
FORMS = ("json", "csv", "html")
TIMES = 6
BOUND_S = 5.0
"""A processor's seconds that the report of 200,000 defects may take."""


def write_large_coil(folder: Path, defects: int) -> Path:
    """A ledger with one coil of so many defects, and a config that names it."""
    log = EventLog(folder / "ledger", SOURCE, SystemClock(), reserve_bytes=4096)
    log.open()
    _commit(log, [coil_started(COIL)])
    drafts: list[Draft] = []
    for draft in _defects(defects):
        drafts.append(draft)
        if len(drafts) >= PER_COMMIT:
            _commit(log, drafts)
            drafts = []
    _commit(log, [*drafts, coil_report(COIL, LENGTH_M)])
    log.close()
    source = {"kind": "folder", "path": str(folder)}
    return write_config(folder, {"bundle": "none", "source": source, "coils": {"width_mm": 1200.0}})


def _commit(log: EventLog, drafts: list[Draft]) -> None:
    log.commit(Commit(tuple(drafts), None, SystemClock().now()))


def _defects(count: int) -> Iterator[Draft]:
    """Along the whole coil, each class rarer than the one before; rounded as inspection does."""
    draw = random.Random(1)
    for number in range(count):
        from_m, from_mm = round(number / count * LENGTH_M, 6), draw.uniform(0, 1100)
        extent = _extent(from_m, 0.3, from_mm, draw.uniform(20, 80))
        measure = Measure(
            extent=_extent(from_m, draw.uniform(0.1, 0.3), from_mm, draw.uniform(5, 20)),
            area_mm2=round(draw.uniform(10, 900), 3), length_mm=round(draw.uniform(10, 300), 3),
            width_mm=round(draw.uniform(1, 20), 3), orientation_deg=round(draw.uniform(0, 179), 1),
            contrast=round(draw.uniform(-0.5, 0.5), 4),
        )  # fmt: skip
        name = f"class_{min(CLASSES - 1, int(draw.expovariate(0.7)))}"
        for revision, phase in ((1, "opened"), (2, "closed")):
            yield defect(
                COIL, f"{COIL}/{number}", from_m, class_name=name, extent=extent, measure=measure,
                revision=revision, phase=phase, evidence=f"{COIL}-{number}.jpg",
                probability=draw.uniform(0.5, 1),
            )  # fmt: skip


def _extent(from_m: float, metres: float, from_mm: float, mm: float) -> Extent:
    return Extent(
        from_m=from_m, to_m=round(from_m + metres, 6),
        from_mm=round(from_mm, 3), to_mm=round(from_mm + mm, 3),
    )  # fmt: skip


def report_s(config: Path, form: str, out: Path) -> tuple[float, float]:
    """Seconds of `coil report` in a format: by the clock, and of a processor's time."""
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "edge.cli", "coil", "report", COIL, "--config", str(config)]
    subprocess.run([*command, "--format", form, "--out", str(out)], check=True, cwd=ROOT,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    worked_s = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - begun, worked_s


def read_s(config: Path) -> float:
    """A processor's seconds for reading the same bodies and doing nothing with them."""
    reader = EventReader(config.parent / "ledger")
    begun = time.process_time()
    for _ in reader.bodies_of_coil(COIL, 1, reader.last_seq()):
        pass
    return time.process_time() - begun


def main() -> int:
    """The exit code."""
    asked = argparse.ArgumentParser(description="The report of a large coil, timed.")
    asked.add_argument("--defects", type=int, default=200_000)
    count = asked.parse_args().defects
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = write_large_coil(folder, count)
        plain_s = read_s(config)
        print(f"{count} defects, a plain read of their events: {plain_s:.2f} s")
        slow = 0
        for form in FORMS:
            out = folder / f"report.{form}"
            worked_s, taken_s = min(report_s(config, form, out)[::-1] for _ in range(TIMES))
            size_mb = out.stat().st_size / 1e6
            slow += worked_s >= BOUND_S
            print(
                f"{form:5} {taken_s:6.2f} s, {worked_s:6.2f} s of a processor,"
                f" {worked_s / plain_s:4.1f} x a plain read, {size_mb:6.1f} MB:"
                f" {'FAIL' if worked_s >= BOUND_S else 'pass'} (under {BOUND_S:.0f} s)"
            )
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
