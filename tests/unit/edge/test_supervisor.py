import subprocess
import sys

import pytest

from edge.supervisor import FIRST_PAUSE_S, LASTING_NS, LONGEST_PAUSE_S, Child
from tests.unit.edge.ledger.making import SetClock


def test_the_pause_grows_while_it_keeps_ending_and_is_short_again_after_it_lasted() -> None:
    clock = SetClock()
    child = Child("courier", [], clock)
    pauses = [child.next_pause_s() for _ in range(8)]
    assert pauses[:3] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pauses[-1] == LONGEST_PAUSE_S
    clock.monotonic_ns += LASTING_NS + 1
    assert child.next_pause_s() == FIRST_PAUSE_S


@pytest.mark.parametrize("code", [0, 5])
def test_a_stop_says_how_the_process_ended_and_nothing_of_one_that_had(code: int) -> None:
    program = (
        "import signal, sys, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: sys.exit({code}))\n"
        "print('up', flush=True)\n"
        "while True: time.sleep(1)\n"
    )
    child = Child("inspect", [sys.executable, "-c", program], SetClock())
    child.process = subprocess.Popen(child.command, stdout=subprocess.PIPE)
    with child.process:
        assert child.process.stdout is not None
        child.process.stdout.readline()
        assert child.stop(10) == code
        assert child.stop(10) == 0
