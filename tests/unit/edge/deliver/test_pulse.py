"""The state is told each second, however the courier's loop happens to turn."""

from pathlib import Path

import pytest

from edge.deliver.pulse import BEAT_NS, Pulse
from tests.unit.edge.mill.passage import Time, empty_ledger, mill_config


class _Told:
    """In place of a receiver: when it was told the state."""

    def __init__(self, time: Time) -> None:
        self._time = time
        self.at_s: list[float] = []

    def beat(self, *_: object) -> None:
        self.at_s.append(self._time.ns / 1e9)


@pytest.mark.parametrize("turn_ms", [1, 70, 130, 400])
def test_the_state_is_told_each_second(tmp_path: Path, turn_ms: int) -> None:
    time = Time()
    told = _Told(time)
    config = mill_config(empty_ledger(tmp_path))
    pulse = Pulse(config, [told], [], time)  # type: ignore[list-item]
    for _ in range(10_000 // turn_ms):
        pulse.tick()
        time.ns += turn_ms * 1_000_000
    pulse.close()
    assert len(told.at_s) == 10
    assert all(abs(at_s - told.at_s[0] - n) <= turn_ms / 1e3 for n, at_s in enumerate(told.at_s))


def test_what_was_missed_is_not_made_up_for(tmp_path: Path) -> None:
    time = Time()
    told = _Told(time)
    pulse = Pulse(mill_config(empty_ledger(tmp_path)), [told], [], time)  # type: ignore[list-item]
    for step_ns in (BEAT_NS, 30 * BEAT_NS, BEAT_NS // 10, BEAT_NS // 10, BEAT_NS):
        pulse.tick()
        time.ns += step_ns
    pulse.close()
    assert len(told.at_s) == 3
