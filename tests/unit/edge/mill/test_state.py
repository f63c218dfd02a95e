"""What is said of a mill that falls silent."""

import math

import pytest
from prometheus_client import CollectorRegistry

from edge.config import Mill
from edge.metrics import InspectMetrics
from edge.mill.heard import Heard, LinkSignal
from edge.mill.signals import Signal, SpeedSignal
from edge.mill.state import AWAY_AFTER_S, MillState
from tests.unit.edge.mill.passage import Time


class Heeded:
    def __init__(self) -> None:
        source = {"host": "127.0.0.1", "topics": ["mill/#"]}
        config = Mill.model_validate(
            {
                "mqtt": [{"name": "level2", **source}, {"name": "plc", **source}],
                "max_age_s": {"speed": 2.0},
            }
        )
        self.time, self.registry = Time(), CollectorRegistry()
        self.state = MillState(config, InspectMetrics(self.registry), self.time)

    def hear(self, source: str, signal: Signal | LinkSignal, *, retained: bool = False) -> None:
        stamp = self.time.now()
        self.state.hear(Heard(source=source, stamp=stamp, signal=signal, retained=retained))

    def link(self, *, up: bool = True) -> None:
        for source in ("level2", "plc"):
            self.hear(source, LinkSignal(up=up, why="" if up else "no broker answers"))

    def sample(self, name: str, **labels: str) -> float:
        value = self.registry.get_sample_value(f"stripsight_mill_{name}", labels)
        assert value is not None
        return value


def test_nobody_has_spoken_yet() -> None:
    heeded = Heeded()
    assert heeded.state.state == "missing"
    assert len(heeded.state.troubles()) == 3
    assert math.isnan(heeded.sample("signal_age_seconds", signal="speed"))


def test_a_speed_is_fresh_for_as_long_as_the_config_says() -> None:
    heeded = Heeded()
    heeded.link()
    heeded.hear("plc", SpeedSignal(m_per_s=9), retained=True)
    assert heeded.state.state == "stale"
    assert heeded.state.troubles() == ["the mill's speed is stale: never heard since the start"]
    heeded.hear("plc", SpeedSignal(m_per_s=1))
    assert (heeded.state.state, heeded.state.troubles()) == ("fine", [])
    assert heeded.sample("state", state="fine") == 1
    heeded.time.ns += 2_500_000_000
    assert heeded.state.state == "stale"
    assert heeded.state.troubles() == ["the mill's speed is stale: 2.5 s old"]
    assert heeded.sample("signal_age_seconds", signal="speed") == pytest.approx(2.5)


def test_one_source_of_two_that_is_away_is_missing() -> None:
    heeded = Heeded()
    heeded.link()
    heeded.hear("plc", SpeedSignal(m_per_s=1))
    heeded.hear("level2", LinkSignal(up=False, why="no broker answers"))
    assert heeded.state.state == "missing"
    expected = "the mill's signals are missing: level2: no broker answers"
    assert heeded.state.troubles() == [expected]
    assert heeded.sample("state", state="missing") == 1


def test_a_courier_that_says_nothing_is_away() -> None:
    heeded = Heeded()
    heeded.link()
    heeded.time.ns += int((AWAY_AFTER_S + 1) * 1e9)
    assert "the courier is silent" in heeded.state.troubles()[0]
