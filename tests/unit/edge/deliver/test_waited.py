"""Latencies stay true over steps of the host's clock, and sensible over a reboot."""

import pytest

from edge.clock import Stamp
from edge.deliver.waited import Waited

S = 1_000_000_000
NOON_NS = 1_795_435_200 * S


class HostClock:
    """A host that has been up for an hour; its UTC can be set."""

    def __init__(self) -> None:
        self.monotonic_ns, self.utc_ns = 3600 * S, NOON_NS

    def now(self) -> Stamp:
        return Stamp(self.monotonic_ns, self.utc_ns)

    def sleep_until(self, monotonic_ns: int) -> None:
        self.utc_ns += monotonic_ns - self.monotonic_ns
        self.monotonic_ns = monotonic_ns

    def pass_s(self, seconds: float) -> None:
        self.sleep_until(self.monotonic_ns + int(seconds * S))


@pytest.mark.parametrize("step_s", [0, 37, -37, -3600, 3600])
def test_a_step_of_the_clock_changes_no_latency(step_s: int) -> None:
    clock = HostClock()
    waited = Waited(clock)
    clock.pass_s(5)
    before = clock.now()
    clock.pass_s(0.25)
    clock.utc_ns += step_s * S
    assert waited.since_s(before) == pytest.approx(0.25)
    after = clock.now()
    clock.pass_s(0.5)
    clock.utc_ns -= step_s * S
    assert waited.since_s(after) == pytest.approx(0.5)


def test_a_clock_that_is_slewed_for_days_stays_known() -> None:
    clock = HostClock()
    waited = Waited(clock)
    for _ in range(100):
        committed = clock.now()
        clock.pass_s(0.1)
        clock.utc_ns += S // 2
        assert waited.since_s(committed) == pytest.approx(0.1)


def test_an_event_of_an_earlier_boot_is_measured_by_utc_and_never_negative() -> None:
    clock = HostClock()
    waited = Waited(clock)
    earlier = Stamp(monotonic_ns=9_000_000 * S, utc_ns=NOON_NS - 60 * S)
    assert waited.since_s(earlier) == pytest.approx(60)
    assert waited.since_s(earlier._replace(utc_ns=NOON_NS + 60 * S)) == 0
