"""What every process of the line does around its work."""

import subprocess
import sys

_WITHIN_THE_WAIT = """
import signal
from edge.process import stop_on_signals

stop = stop_on_signals()
with stop._cond:  # as `stop.wait` holds it
    signal.raise_signal(signal.SIGTERM)
print(stop.wait(20))
"""


def test_a_signal_that_strikes_within_the_wait_for_it_stops_all_the_same() -> None:
    command = [sys.executable, "-c", _WITHIN_THE_WAIT]
    done = subprocess.run(command, timeout=60, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
