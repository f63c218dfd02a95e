import pytest

from edge.acquire.camera_stamps import CameraStamps
from edge.acquire.nodes import Value
from edge.types import CameraTime
from tests.unit.edge.acquire.fakes import FakeClock, stamp

WAY_S = 0.036
"""From a frame's exposure to the host."""


class Camera:
    """Its clock's nodes; reading before the latch gives the value of the last one."""

    def __init__(
        self, clock: FakeClock, command: str = "", value: str = "", frequency: int = 0
    ) -> None:
        self.clock, self.command, self.value, self.frequency = clock, command, value, frequency
        self.latched = 0
        self.asked = 0

    def ticks(self) -> int:
        return (self.clock.now_ns - 1_000_000_000) * (self.frequency or 10**9) // 10**9

    def run(self, name: str) -> bool:
        if name != self.command:
            return False
        self.asked += 1
        self.latched = self.ticks()
        return True

    def count(self, name: str) -> int | None:
        return {self.value: self.latched, "GevTimestampTickFrequency": self.frequency}.get(name)

    def has(self, name: str) -> bool:
        raise NotImplementedError

    def read(self, name: str) -> str:
        raise NotImplementedError

    def write(self, name: str, value: Value) -> None:
        raise NotImplementedError


def run(clock: FakeClock, camera: Camera) -> tuple[list[float], CameraTime | None]:
    """Ten seconds at 10 frames/s: each frame's way by the stamps, from when there are any, and the
    clock's state.
    """
    stamps = CameraStamps(clock)
    stamps.opened(camera)
    ways = []
    for _ in range(100):
        ticks = camera.ticks()
        clock.pass_s(WAY_S)
        exposed = stamps.exposed(stamps.ns(ticks), clock.now())
        if exposed is not None:
            ways.append((clock.now_ns - exposed.monotonic_ns) / 1e9)
        assert (exposed is None) == (not ways), "stamps that come and go would move the strip"
        clock.pass_s(0.1 - WAY_S)
        stamps.ask()
    return ways, stamps.state()


@pytest.mark.parametrize(
    ("command", "value", "frequency"),
    [
        ("TimestampLatch", "TimestampLatchValue", 0),
        ("GevTimestampControlLatch", "GevTimestampValue", 125_000_000),
    ],
)
def test_a_camera_that_can_be_asked_shows_the_way_of_its_frames(
    command: str, value: str, frequency: int
) -> None:
    clock = FakeClock()
    camera = Camera(clock, command, value, frequency)
    ways, state = run(clock, camera)
    assert 60 < len(ways) < 100
    assert ways == pytest.approx([WAY_S] * len(ways), abs=1e-6), "none is late by the whole way"
    assert camera.asked == 10
    assert state is not None
    assert state.uncertainty_s < 1e-6


def test_of_one_that_cannot_be_asked_the_shortest_way_is_not_seen() -> None:
    clock = FakeClock()
    ways, state = run(clock, Camera(clock))
    assert 60 < len(ways) < 100
    assert ways == pytest.approx([0] * len(ways), abs=1e-6)
    assert state is not None
    assert state.epoch == "free_running"


def test_a_stamp_of_zero_is_none_and_a_closed_camera_is_not_asked() -> None:
    clock = FakeClock()
    camera, stamps = Camera(clock, "TimestampLatch", "TimestampLatchValue"), CameraStamps(clock)
    assert stamps.exposed(0, stamp(1)) is None
    stamps.ask()
    stamps.opened(camera)
    stamps.closed()
    stamps.ask()
    assert camera.asked == 0
    assert stamps.state() is None
