"""A host clock that steps for one process alone: `python -m tests.drills.stepped_clock OFFSETS
COMMAND...` is `stripsight-edge COMMAND...` with UTC off by what a file says; the monotonic clock
goes on, as it does when a host's clock is set.

libfaketime would step the whole process, but breaks the monotonic sleeps of Python 3.11 and later.
"""

import itertools
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from edge.cli import main
from edge.clock import Stamp, SystemClock


class OffsetFile:
    """The steps that a drill makes; the file holds the newest."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._steps: list[int] = []
        self.step_to(0)

    def step_to(self, offset_s: int) -> None:
        """Be so many seconds off from now on."""
        self._steps.append(offset_s)
        self.path.write_text(f"{offset_s}\n")

    def seen(self, times: Iterable[datetime]) -> bool:
        """Whether times of events in their order jump as often as the clock did."""
        pairs = itertools.pairwise(times)
        jumps = [abs((later - sooner).total_seconds()) > 30 for sooner, later in pairs]
        return sum(jumps) == len(self._steps) - 1


def _step(offsets: Path) -> None:
    true_now = SystemClock.now

    def now(self: SystemClock) -> Stamp:
        stamp = true_now(self)
        return stamp._replace(utc_ns=stamp.utc_ns + int(offsets.read_text() or 0) * 1_000_000_000)

    SystemClock.now = now  # type: ignore[method-assign]


if __name__ == "__main__":
    _step(Path(sys.argv.pop(1)))
    main()
