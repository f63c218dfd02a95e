"""What a bad cable and a camera that dies look like through Aravis: each frame is accounted for."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prometheus_client import CollectorRegistry

from edge.acquire.aravis import AravisSource
from edge.acquire.by_speed import SpeedPosition, SteadySpeed
from edge.acquire.grab import Grab, Patience, make_frame_buffer
from edge.clock import SystemClock
from edge.config import AravisSource as AravisSection
from edge.metrics import InspectMetrics
from edge.types import Frame
from tests.integration.acquire.fake_gige import (
    ADDRESS,
    M_PER_ROW,
    NARROW,
    ROWS,
    FakeCamera,
    Lossy,
    id_in,
    opened,
)
from tests.waiting import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.network]

BLOCK_M = ROWS * M_PER_ROW
EVERY = 250
"""More than a frame's packets, so that no frame loses two."""
STREAM = "udp sport != 3956 udp dport != 3956"
"""All of the pictures, and nothing of the control channel."""


def check_numbers(frames: list[Frame]) -> None:
    """Frames carry the number that the camera gave them, and losses fill the strip between."""
    for frame in frames:
        assert id_in(frame) == (id_in(frames[0]) + frame.seq - frames[0].seq) % 255
    end_m = frames[0].rows.end_m
    for frame in frames[1:]:
        for loss in frame.losses:
            assert loss.first_m == pytest.approx(end_m)
            end_m = loss.end_m
        assert frame.rows.first_m == pytest.approx(end_m)
        end_m = frame.rows.end_m


def lost_frames(frames: list[Frame], *reasons: str) -> int:
    """By their metres; of all reasons where none is named."""
    lost_m = sum(
        loss.end_m - loss.first_m
        for frame in frames for loss in frame.losses if loss.reason in reasons or not reasons
    )  # fmt: skip
    return round(lost_m / BLOCK_M)


@pytest.mark.usefixtures("camera")
@pytest.mark.parametrize("packet_socket", [True, False])
def test_frames_with_lost_packets_are_lost_with_their_metres(packet_socket: bool) -> None:  # noqa: FBT001
    with opened(packet_socket=packet_socket, parameters=NARROW) as source:
        frames = [source.read(5)]
        with Lossy(f"udp length > 500 numgen inc mod {EVERY} == 0") as lossy:
            frames += [source.read(5) for _ in range(80)]
        while not all(f.losses == () for f in frames[-10:]):
            frames.append(source.read(5))
        counts = source.report().counts
    assert lossy.lost > 10
    assert lost_frames(frames) >= lossy.lost  # a machine that is too busy loses some of its own
    assert lost_frames(frames, "incomplete_frame") == counts["failed_buffers"]
    assert counts["missing_packets"] >= counts["failed_buffers"] > 10
    assert counts["resent_packets"] == 0  # the fake camera cannot resend
    check_numbers(frames)


@pytest.mark.usefixtures("camera")
def test_frames_of_which_nothing_arrives_are_found_by_their_ids() -> None:
    with opened() as source:
        frames = [source.read(5) for _ in range(3)]
        with Lossy(STREAM) as lossy:
            wait_for(lambda: _silent(source), "the camera falls silent")
        while not frames[-1].losses:
            frames.append(source.read(5))
        counts = source.report().counts
    assert lossy.lost > 0
    assert frames[-1].losses[-1].reason == "camera"
    assert counts["missed_frames"] > 0
    check_numbers(frames)


def _silent(source: AravisSource) -> bool:
    buffer = source._stream.timeout_pop_buffer(100_000)
    if buffer is not None:
        source._take(buffer, SystemClock().now(), None)
        source._stream.push_buffer(buffer)
    return buffer is None


class Line:
    """A grab stage on the fake camera, with the strip at a constant speed."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        clock = SystemClock()
        section = AravisSection(kind="aravis", address=ADDRESS, frames_per_s=20.0)
        position = SpeedPosition(SteadySpeed(20 * BLOCK_M), M_PER_ROW)
        self.frames = make_frame_buffer(1024)
        metrics = InspectMetrics(self.registry)
        source = AravisSource(section, position, clock)
        self.grab = Grab(source, self.frames, metrics, clock, Patience(2.0, 0.05))

    @contextmanager
    def running(self) -> Iterator[None]:
        stop = threading.Event()
        thread = threading.Thread(target=self.grab.run, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(30)
        assert not thread.is_alive()

    def value(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"stripsight_{name}", labels) or 0.0

    def buffers(self) -> float:
        return self.value("source_statistics_total", statistic="buffers")

    def take(self) -> Frame:
        taken = self.frames.get(30)
        assert taken is not None
        return taken.item


def test_a_camera_that_was_killed_is_inspected_again_and_the_strip_between_is_told(
    camera: FakeCamera,
) -> None:
    line, clock = Line(), SystemClock()
    with line.running():
        before = [line.take() for _ in range(10)][-1]
        camera.kill()
        killed_ns = clock.now().monotonic_ns
        wait_for(lambda: not line.grab.up, "the source is down", 5)
        camera.start()
        returned_ns = clock.now().monotonic_ns
        while not (frame := line.take()).losses:
            before = frame
        counted = line.value("source_statistics_total", statistic="buffers")
        for _ in range(25):
            line.take()
        wait_for(
            lambda: line.value("source_statistics_total", statistic="buffers") > counted, "go on"
        )
    assert frame.grabbed.monotonic_ns - returned_ns < 10e9
    assert frame.seq == before.seq + 1
    (loss,) = frame.losses
    assert loss.reason == "camera_away"
    assert (loss.first_m, loss.end_m) == (before.rows.end_m, frame.rows.first_m)
    away_s = (loss.end_m - loss.first_m) / (20 * BLOCK_M)
    assert (returned_ns - killed_ns) / 1e9 - 0.1 < away_s < (returned_ns - killed_ns) / 1e9 + 10
    assert line.value("source_reopened_total") == 1
    assert line.value("frames_lost_total", reason="camera_away") == pytest.approx(
        20 * away_s, abs=1
    )
