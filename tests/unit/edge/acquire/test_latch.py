import pytest

from edge.acquire.latch import ask_ticks, ticks_per_s


class Clock:
    """A camera's time nodes; reading before the latch gives the value of the last one."""

    def __init__(self, command: str = "", value: str = "", frequency: int | None = None) -> None:
        self.command, self.value, self.frequency = command, value, frequency
        self.latched = 0

    def run(self, name: str) -> bool:
        self.latched += 1000 * (name == self.command)
        return name == self.command

    def count(self, name: str) -> int | None:
        known = {self.value: self.latched, "GevTimestampTickFrequency": self.frequency}
        return known.get(name)


@pytest.mark.parametrize(
    "camera",
    [
        Clock("TimestampLatch", "TimestampLatchValue"),
        Clock("GevTimestampControlLatch", "GevTimestampValue", 125_000_000),
    ],
)
def test_each_question_latches_anew(camera: Clock) -> None:
    assert [ask_ticks(camera), ask_ticks(camera)] == [1000, 2000]


def test_a_camera_that_cannot_be_asked_is_not_read() -> None:
    assert ask_ticks(Clock("", "TimestampLatchValue")) is None


def test_ticks_are_nanoseconds_unless_the_camera_says_otherwise() -> None:
    assert ticks_per_s(Clock()) == 1_000_000_000
    assert ticks_per_s(Clock(frequency=125_000_000)) == 125_000_000
    assert ticks_per_s(Clock(frequency=0)) == 1_000_000_000
