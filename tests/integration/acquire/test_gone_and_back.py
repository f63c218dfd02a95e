"""The camera goes and comes back a hundred times in one process, and nothing of it stays behind."""

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from edge.acquire.grab import FrameBuffer, Grab, Patience, make_frame_buffer
from edge.acquire.position import LinesPosition
from edge.acquire.pylon import PylonSource
from edge.clock import SystemClock
from edge.config import PylonSource as PylonSection
from edge.metrics import InspectMetrics
from edge.types import Frame, Loss
from tests.waiting import wait_for

# By a thread: the SDK can wait for ever in a process that has an interval timer running.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(120, method="thread")]

FRAME_MB = 0.5
REMOVALS = 100
WARM_UP = 20
MB_A_REMOVAL = FRAME_MB / 2
"""The SDK by itself keeps 0.045 MB of each opening; one forgotten device would be ten frames."""


class Told(NamedTuple):
    """What is kept of a frame: keeping its pixels would be a leak of the test's own."""

    seq: int
    losses: tuple[Loss, ...]


class Held(NamedTuple):
    """What this process holds while no camera is open."""

    resident_mb: float
    files: int
    threads: int


def held() -> Held:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    resident_mb = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    entries = (len(list(Path(f"/proc/self/{of}").iterdir())) for of in ("fd", "task"))
    return Held(resident_mb, *entries)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    rng = np.random.default_rng(5)
    for number in range(3):
        picture = rng.integers(0, 256, (512, 1024), np.uint8)
        assert cv2.imwrite(str(tmp_path / f"frame-{number}.bmp"), picture)
    return tmp_path


class TakenAway(PylonSource):
    """An emulated camera that fails when told to. It fails in the thread that reads it: the SDK
    does not bear that another one pulls the plug while the device is given back.
    """

    turn = 0

    def __init__(self, *arguments: Any) -> None:  # noqa: ANN401 - as the source's
        super().__init__(*arguments)
        self.fail = threading.Event()

    def read(self, timeout_s: float) -> Frame:
        if self.fail.is_set():
            self.fail.clear()
            self.turn += 1
            if self.turn % 2:
                self._camera.GetStreamGrabberNodeMap().GetNode("ImposedError").SetValue("imposed")
            else:
                self._camera.FirePnPCallback.Execute()
        return super().read(timeout_s)


class Line:
    """A grab stage whose camera the test takes away."""

    def __init__(self, folder: Path) -> None:
        self.registry = CollectorRegistry()
        section = PylonSection(kind="pylon", emulation=folder, frames_per_s=90.0)
        clock = SystemClock()
        self.source = TakenAway(section, LinesPosition(0.001), clock)
        self.frames: FrameBuffer = make_frame_buffer(1024)
        metrics = InspectMetrics(self.registry)
        self.grab = Grab(self.source, self.frames, metrics, clock, Patience(2.0, 0.01))

    def value(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"stripsight_{name}", labels) or 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        stop = threading.Event()
        thread = threading.Thread(target=self.grab.run, args=(stop,))
        thread.start()
        try:
            wait_for(self.grab.opened.is_set, "the camera opens")
            yield
        finally:
            stop.set()
            thread.join(20)
        assert not thread.is_alive()

    def lose(self) -> list[Told]:
        """Take the camera away; the frames until it is back and delivers."""
        frames = [self.take()]
        reopened = self.value("source_reopened_total")
        self.source.fail.set()
        while not frames[-1].losses:
            frames.append(self.take())
        assert self.value("source_reopened_total") == reopened + 1
        return frames

    def take(self) -> Told:
        taken = self.frames.get(10)
        assert taken is not None
        assert taken.dropped == ()
        return Told(taken.item.seq, taken.item.losses)


def take_away(folder: Path, times: int) -> None:
    """One line whose camera goes and comes back; each time is told, and no frame is missing."""
    line = Line(folder)
    with line.running():
        frames = [frame for _ in range(times) for frame in line.lose()]
    losses = [loss for frame in frames for loss in frame.losses]
    assert [loss.reason for loss in losses] == ["camera_away"] * times
    assert [frame.seq for frame in frames] == list(range(len(frames)))
    assert line.value("source_statistics_total", statistic="buffers") >= len(frames)


def test_a_hundred_removals_leave_nothing_behind(pictures: Path) -> None:
    take_away(pictures, WARM_UP)
    before = held()
    take_away(pictures, REMOVALS)
    after = held()
    assert (after.files, after.threads) == (before.files, before.threads)
    assert after.resident_mb - before.resident_mb < REMOVALS * MB_A_REMOVAL
