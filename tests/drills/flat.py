"""Memory, threads and open files of a daemon, which months of running must not raise."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.line.daemon import Daemon
from tests.waiting import wait_for

MEMORY_MB = 8.0
"""What the allocator may take while a drill goes on, in seconds or in hours: pools that fill, and
the index of one day's ledger. A leak of one 16 kB picture a second passes it in ten minutes."""

DEVICE_MB = 0.05
"""What the camera SDK keeps of each device object that was created and destroyed; 0.047 MB without
any code of this program."""
REOPENED = "stripsight_source_reopened_total"

COMING_AND_GOING = 3
"""Files and threads that a moment may have: a scrape's connection, a picture being written."""


@contextmanager
def stays_flat(daemon: Daemon) -> Iterator[None]:
    """Compares the daemon's own series at the end with those at the start."""
    before = _with_camera(daemon)
    yield
    after = _with_camera(daemon)
    for name in ("stripsight_threads", "process_open_fds"):
        more = after[name] - before[name]
        assert more <= COMING_AND_GOING, f"{name}: {before[name]:g}, then {after[name]:g}"
    name = "process_resident_memory_bytes"
    grown_mb = (after[name] - before[name]) / 1e6
    reopened = after[REOPENED] - before[REOPENED]
    assert grown_mb <= MEMORY_MB + DEVICE_MB * reopened, f"{grown_mb:.1f} MB more memory"


def _with_camera(daemon: Daemon) -> dict[str, float]:
    """Its metrics while the camera delivers: an open device holds dozens of files."""

    def delivering() -> dict[str, float]:
        metrics = daemon.metrics()
        return metrics if metrics.get("stripsight_source_up") else {}

    return wait_for(delivering, "the camera delivers")
