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
