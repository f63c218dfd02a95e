"""A thread of the daemon: it runs until its work ends, and its failure ends the daemon.

The one broad `except` of this program is here: whatever escapes a stage is logged, kept, and stops
all stages, so that no thread can die unnoticed.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from edge.errors import StripSightError

log = logging.getLogger(__name__)


class Stage:
    """One named thread. `failed` is set on an error, and `stop` with it."""

    def __init__(self, name: str, work: Callable[[], None], stop: threading.Event) -> None:
        self.name = name
        self.error: Exception | None = None
        self._work = work
        self._stop = stop
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end of the work; whether it has ended, or never began."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._work()
        except StripSightError as error:
            log.error("%s: %s", self.name, error)  # noqa: TRY400 - the user's to mend, no trace
            self._fail(error)
        except Exception as error:
            log.exception("%s failed; this is a fault of the program", self.name)
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self.error = error
        self._stop.set()


def join_all(stages: Sequence[Stage], timeout_s: float) -> list[Stage]:
    """Wait for all of them, and no longer for many than for one; those that still run then."""
    end_s = time.monotonic() + timeout_s
    return [stage for stage in stages if not stage.join(max(0.0, end_s - time.monotonic()))]
