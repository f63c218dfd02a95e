from typing import cast

import pytest
from prometheus_client import CollectorRegistry

from edge.acquire.statistics import PERIOD_S, DeviceMetrics
from edge.metrics import InspectMetrics
from edge.ports import FrameSource
from edge.types import CameraTime, Epoch, SourceReport
from tests.unit.edge.acquire.fakes import FakeClock


class Bench:
    """A source that reports what the test says, once a second."""

    def __init__(self) -> None:
        self.registry, self.clock = CollectorRegistry(), FakeClock()
        self.device = DeviceMetrics(InspectMetrics(self.registry), self.clock)
        self.reports = 0
        self.answer = SourceReport()

    def report(self) -> SourceReport:
        self.reports += 1
        return self.answer

    def second(self, *, clock: CameraTime | None = None, **counts: int) -> None:
        self.answer = SourceReport(counts, clock)
        self.clock.pass_s(PERIOD_S)
        self.device.look(cast("FrameSource", self))

    def count(self, statistic: str) -> float | None:
        return self.registry.get_sample_value(
            "stripsight_source_statistics_total", {"statistic": statistic}
        )

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"stripsight_camera_clock_{name}", labels)


def test_it_is_asked_once_a_second() -> None:
    bench = Bench()
    bench.second(buffers=1)
    for _ in range(9):
        bench.device.look(cast("FrameSource", bench))
        bench.clock.pass_s(PERIOD_S / 10)
    assert bench.reports == 1
    bench.clock.pass_s(PERIOD_S / 10)
    bench.device.look(cast("FrameSource", bench))
    assert bench.reports == 2


def test_counts_go_on_over_openings_though_the_devices_begin_again() -> None:
    bench = Bench()
    bench.second(buffers=10, underruns=0)
    bench.second(buffers=25, underruns=1)
    assert (bench.count("buffers"), bench.count("underruns")) == (25, 1)
    bench.device.closed()
    bench.second(buffers=30, underruns=1)
    assert (bench.count("buffers"), bench.count("underruns")) == (55, 2)


def test_a_counter_that_fell_by_itself_began_again() -> None:
    bench = Bench()
    bench.second(buffers=10)
    bench.second(buffers=4)
    assert bench.count("buffers") == 14


def test_a_count_that_cannot_be_read_for_a_while_is_not_counted_twice() -> None:
    bench = Bench()
    bench.second(buffers=10, packets=5)
    bench.second(buffers=12)
    bench.second(buffers=14, packets=6)
    assert (bench.count("buffers"), bench.count("packets")) == (14, 6)


def test_zero_is_a_series_and_what_is_not_counted_is_none() -> None:
    bench = Bench()
    bench.second(underruns=0)
    assert bench.count("underruns") == 0
    assert bench.count("resent_packets") is None


def time(epoch: Epoch, resets: int = 0) -> CameraTime:
    return CameraTime(0.0125, 80e-6, 0.0002, epoch, resets)


def test_the_cameras_clock_is_exported(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    bench = Bench()
    bench.second(clock=time("free_running"))
    bench.second(clock=time("tai", resets=1))
    bench.second(clock=time("tai", resets=1))
    assert (bench.value("offset_seconds"), bench.value("drift_ratio")) == (0.0125, 80e-6)
    assert bench.value("uncertainty_seconds") == 0.0002
    assert bench.value("resets_total") == 1
    epochs = [bench.value("epoch", epoch=e) for e in ("utc", "tai", "free_running")]
    assert epochs == [0, 1, 0]
    assert [r.message for r in caplog.records] == [
        "the camera's clock is set by nobody; its stamps are mapped by when they arrive",
        "the camera's clock counts TAI, 37 s ahead of UTC: PTP's own scale; the 37 s are taken off",
    ]
