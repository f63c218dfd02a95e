import threading
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from edge.acquire.by_speed import SpeedFeed
from edge.acquire.framing import Framing
from edge.acquire.grab import (
    POLL_S,
    Grab,
    Patience,
    make_frame_buffer,
    note_lost,
    patience_of,
)
from edge.acquire.position import LinesPosition
from edge.buffer import ClosedError
from edge.config import FolderSource, PylonSource, SimulatedSource
from edge.errors import (
    ConfigError,
    SourceEndedError,
    SourceError,
    SourceLostError,
    SourceTimeoutError,
)
from edge.metrics import InspectMetrics
from edge.types import Frame, Loss, SourceReport
from tests.unit.edge.acquire.fakes import FakeClock, stamp

Step = Frame | Exception | Callable[[], None]


def frames(count: int, *, lost_before_last: str | None = None) -> list[Frame]:
    framing = Framing(LinesPosition(0.01))
    made = []
    for number in range(count):
        if lost_before_last and number == count - 1:
            framing.lost(lost_before_last, 2)
        made.append(framing.frame(np.zeros((100, 4), np.uint8), None, stamp(number)))
    return made


class ScriptedSource:
    """Reads come from a script; so do the openings after the first."""

    def __init__(self, *script: Step, openings: tuple[Exception | None, ...] = (None,)) -> None:
        self.script: Iterator[Step] = iter(script)
        self.openings = iter(openings)
        self.calls: list[str] = []
        self.counts: dict[str, int] = {}

    def open(self) -> None:
        self.calls.append("open")
        if (refusal := next(self.openings, None)) is not None:
            raise refusal

    def read(self, timeout_s: float) -> Frame:
        assert 0 < timeout_s <= POLL_S
        step = next(self.script, SourceEndedError("script"))
        while callable(step):
            step()
            step = next(self.script, SourceEndedError("script"))
        if isinstance(step, Exception):
            raise step
        return step

    def report(self) -> SourceReport:
        self.calls.append("report")
        return SourceReport(self.counts)

    def close(self) -> None:
        self.calls.append("close")


class Bench:
    """A grab stage on a scripted source, with all that can be looked at afterwards."""

    def __init__(self, source: ScriptedSource, capacity: int = 8) -> None:
        self.registry = CollectorRegistry()
        self.clock = FakeClock()
        self.frames = make_frame_buffer(capacity)
        self.stop = threading.Event()
        self.waits: list[float] = []
        self.source = source
        metrics = InspectMetrics(self.registry)
        patience = Patience(silent_s=2.0, reconnect_s=0.5)
        self.grab = Grab(source, self.frames, metrics, self.clock, patience, self.wait)

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        self.waits.append(seconds)
        return stop.is_set()

    def run(self) -> "Bench":
        self.grab.run(self.stop)
        return self

    def value(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"stripsight_{name}", labels) or 0.0

    def taken(self) -> list[tuple[int, tuple[Loss, ...]]]:
        found = []
        while len(self.frames):
            taken = self.frames.get(0)
            assert taken is not None
            found.append((taken.item.seq, taken.dropped))
        with pytest.raises(ClosedError):
            self.frames.get(0)
        return found


def test_frames_pass_and_the_end_closes_both() -> None:
    bench = Bench(ScriptedSource(*frames(3))).run()
    assert bench.taken() == [(0, ()), (1, ()), (2, ())]
    assert bench.source.calls == ["open", "report", "close"]
    assert bench.value("frames_total") == 3
    assert bench.value("source_up") == 0


def test_an_overflow_keeps_what_the_dropped_frame_had_to_tell() -> None:
    bench = Bench(ScriptedSource(*frames(2, lost_before_last="camera"), *frames(5)[4:]), 1).run()
    assert bench.taken() == [
        (
            4,
            (
                Loss(0.0, 1.0, "buffer_overflow"),
                Loss(1.0, 3.0, "camera"),
                Loss(3.0, 4.0, "buffer_overflow"),
            ),
        )
    ]
    assert bench.value("frames_lost_total", reason="buffer_overflow") == 2
    assert bench.value("frames_lost_total", reason="camera") == 2
    assert bench.value("buffer_drops_total", buffer="frames") == 2


def test_a_dropped_frame_is_its_losses_and_itself() -> None:
    losses: list[Loss] = []
    note_lost(losses, frames(2, lost_before_last="camera")[1])
    assert losses == [Loss(1, 3, "camera"), Loss(3, 4, "buffer_overflow")]


def test_a_long_overflow_is_one_stretch() -> None:
    losses: list[Loss] = []
    for frame in frames(1000):
        note_lost(losses, frame)
    assert losses == [Loss(0, 1000, "buffer_overflow")]


@pytest.mark.parametrize("error", [SourceError("in use"), ConfigError("no folder")])
def test_a_first_opening_that_fails_is_fatal(error: Exception) -> None:
    bench = Bench(ScriptedSource(openings=(error,)))
    with pytest.raises(type(error), match=str(error)):
        bench.run()
    assert bench.taken() == []
    assert bench.source.calls == ["open", "close"]


def test_a_lost_source_is_opened_again_with_doubling_pauses() -> None:
    refusals = [SourceError("still away")] * 6
    one, two = frames(2)
    source = ScriptedSource(one, SourceLostError("gone"), two, openings=(None, *refusals, None))
    bench = Bench(source).run()
    assert bench.waits == [0.5, 1.0, 2.0, 3.0, 3.0, 3.0, 3.0]
    assert [seq for seq, _ in bench.taken()] == [0, 1]
    assert bench.value("source_reopened_total") == 1
    calls = [call for call in source.calls if call != "report"]
    assert calls == ["open", "close", *["open"] * 7, "close"]


def test_what_the_device_counted_is_read_before_it_is_given_back() -> None:
    source = ScriptedSource(*frames(1), SourceLostError("gone"), *frames(1))
    bench = Bench(source)

    def count() -> None:
        source.counts = {"buffers": 7}

    source.script = iter([count, SourceLostError("gone"), count, SourceLostError("gone")])
    bench.run()
    assert bench.value("source_statistics_total", statistic="buffers") == 14
    for number, call in enumerate(source.calls):
        assert call != "close" or source.calls[number - 1] in {"report", "open"}


@pytest.mark.parametrize("opening_s", [0.3, 3.4])
def test_strip_is_seen_within_ten_seconds_of_the_cameras_return(opening_s: float) -> None:
    """Whenever it returns, and though each opening waits for it: the pause grows to three seconds,
    one opening may fail just before the return, and the next one succeeds.
    """
    for away_s in range(1, 60):
        bench = Bench(ScriptedSource())
        source = ReturningSource(bench.clock, away_s, opening_s)
        metrics = InspectMetrics(CollectorRegistry())

        def wait(stop: threading.Event, seconds: float, clock: FakeClock = bench.clock) -> bool:
            clock.pass_s(seconds)
            return stop.is_set()

        patience = Patience(silent_s=2.0, reconnect_s=0.5)
        Grab(source, bench.frames, metrics, bench.clock, patience, wait).run(bench.stop)
        assert source.seen_s is not None
        assert 0 <= source.seen_s - away_s <= 10


class ReturningSource(ScriptedSource):
    """Lost at once, away for a while by the clock; each opening takes its time."""

    def __init__(self, clock: FakeClock, away_s: float, opening_s: float) -> None:
        super().__init__(SourceLostError("gone"))
        self.clock, self.opening_s = clock, opening_s
        self.start_ns = clock.now_ns
        self.returns_s = away_s
        self.opened = 0
        self.seen_s: float | None = None

    def open(self) -> None:
        self.opened += 1
        if self.opened == 1:
            return
        away = self.now_s() < self.returns_s
        self.clock.pass_s(self.opening_s)
        if away:
            raise SourceError("not there")
        self.seen_s = self.now_s()

    def now_s(self) -> float:
        return (self.clock.now_ns - self.start_ns) / 1e9


def test_source_up_follows_the_frames() -> None:
    seen: list[float] = []
    bench: Bench

    def look() -> None:
        seen.append(bench.value("source_up"))

    def pass_s() -> None:
        bench.clock.pass_s(1.1)

    one, two = frames(2)
    silence = SourceTimeoutError("none")
    script: list[Step] = [look, one, look, pass_s, silence, look, pass_s, silence, look, two, look]
    bench = Bench(ScriptedSource(*script))
    bench.run()
    assert seen == [0, 1, 1, 0, 1]


def test_a_read_that_hangs_does_not_hide_the_silence() -> None:
    seen: list[float] = []
    bench: Bench

    def hang() -> None:
        bench.clock.pass_s(2.1)
        seen.append(bench.value("source_up"))  # as a scrape would, while the read is still inside

    bench = Bench(ScriptedSource(*frames(1), hang, SourceTimeoutError("none")))
    bench.run()
    assert seen == [0]


def test_a_camera_that_is_silent_with_the_strip_at_rest_is_up() -> None:
    """Silence counts again as soon as the strip runs, or nobody tells its speed any more."""
    speed = SpeedFeed()
    metrics = InspectMetrics(CollectorRegistry())
    bench = Bench(ScriptedSource())
    seen: list[bool] = []

    def silent_at(m_per_s: float | None) -> None:
        bench.clock.pass_s(5)
        if m_per_s is not None:
            speed.tell(m_per_s, bench.clock.now_ns)
        seen.append(grab.up)

    script: list[Step] = [*frames(2), *(partial(silent_at, v) for v in (0.0, 0.1, 1.0, 0.0, None))]
    source = ScriptedSource(*script)
    grab = Grab(source, bench.frames, metrics, bench.clock, Patience(2, 0.5), speed=speed)
    grab.run(bench.stop)
    assert seen == [True, True, False, True, False]  # at 0.1 m/s a block of 1 m is due in 10 s


def test_silence_counts_from_when_the_strip_moves_on() -> None:
    speed, bench, seen = SpeedFeed(), Bench(ScriptedSource()), list[bool]()
    metrics = InspectMetrics(CollectorRegistry())

    def ride(m_per_s: float, seconds: float) -> None:
        speed.tell(m_per_s, bench.clock.now_ns)
        bench.clock.pass_s(seconds)
        speed.tell(m_per_s, bench.clock.now_ns)
        seen.append(grab.up)

    rest, none = partial(ride, 0.0, 60), SourceTimeoutError("none")
    script: list[Step] = [*frames(2), rest, none, partial(ride, 1.0, 1.5), none]
    source = ScriptedSource(*script, partial(ride, 1.0, 1.5))
    grab = Grab(source, bench.frames, metrics, bench.clock, Patience(2, 0.5), speed=speed)
    grab.run(bench.stop)
    assert seen == [True, True, False]


@pytest.mark.parametrize(
    ("overdue_s", "m_per_s", "opened"), [(6.0, None, 2), (float("inf"), None, 1),
     (float("inf"), 1.0, 2), (float("inf"), 0.0, 1)],
)  # fmt: skip
def test_a_camera_that_is_connected_and_stuck_is_opened_again(
    overdue_s: float, m_per_s: float | None, opened: int
) -> None:
    """Where frames are known to be due: by the camera's own rate, or by the strip's speed."""
    speed, bench = SpeedFeed(), Bench(ScriptedSource())
    metrics = InspectMetrics(CollectorRegistry())

    def wait_s(seconds: float) -> None:
        bench.clock.pass_s(seconds)
        if m_per_s is not None:
            speed.tell(m_per_s, bench.clock.now_ns)

    silence: list[Step] = [partial(wait_s, 1.5), SourceTimeoutError("none")]
    source = ScriptedSource(*frames(2), *(5 * silence))
    patience = Patience(2, 0.5, overdue_s)
    Grab(source, bench.frames, metrics, bench.clock, patience, bench.wait, speed).run(bench.stop)
    assert source.calls.count("open") == opened


def test_stop_ends_a_silent_source_and_an_absent_one() -> None:
    for step in (SourceTimeoutError("none"), SourceLostError("gone")):
        source = ScriptedSource()
        bench = Bench(source)
        source.script = iter([bench.stop.set, step])
        bench.run()
        assert source.calls[-1] == "close"
        assert source.calls.count("open") == 1


def test_a_closed_buffer_ends_the_stage() -> None:
    bench = Bench(ScriptedSource(*frames(2)))
    bench.frames.close()
    bench.run()
    assert bench.source.calls == ["open", "close"]


def test_the_stage_stops_at_once_while_it_waits_to_reopen() -> None:
    source = ScriptedSource(SourceLostError("gone"))
    bench = Bench(source)
    waiting = threading.Event()

    def wait(stop: threading.Event, seconds: float) -> bool:
        waiting.set()
        return stop.wait(seconds * 1000)

    metrics = InspectMetrics(CollectorRegistry())
    grab = Grab(source, bench.frames, metrics, bench.clock, Patience(2, 0.5), wait)
    thread = threading.Thread(target=grab.run, args=(bench.stop,))
    thread.start()
    assert waiting.wait(5)
    bench.stop.set()
    thread.join(5)
    assert not thread.is_alive()


def test_patience_comes_from_the_config() -> None:
    pylon = PylonSource(kind="pylon", grab_timeout_s=3, reconnect_s=0.25)
    assert patience_of(pylon) == (3.0, 0.25, float("inf"))
    assert patience_of(pylon.model_copy(update={"frames_per_s": 28.0})).overdue_s == 9
    assert patience_of(pylon.model_copy(update={"frames_per_s": 0.2})).overdue_s == 15
    assert patience_of(SimulatedSource(kind="simulated", frames_per_s=0.1)).silent_s == 20
    assert patience_of(FolderSource.model_validate({"kind": "folder", "path": "p"})).silent_s == 2
