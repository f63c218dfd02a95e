"""What the SDK tells of a stream besides its pixels, on its emulation."""

import itertools
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from edge.acquire.camera_clock import MAX_DRIFT
from edge.types import U8
from tests.integration.acquire.emulated import COLUMNS, ROWS, opened

# By a thread: the SDK can wait for ever in a process that has an interval timer running.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(60, method="thread")]


def test_statistics_are_counted_and_gone_with_the_camera(
    tmp_path: Path, pictures: list[U8]
) -> None:
    with opened(tmp_path, frames_per_s=50.0) as source:
        source._camera.ForceFailedBufferCount.Value = 2
        source._camera.ForceFailedBuffer.Execute()
        while not source.read(5).losses:
            pass
        counts, clock = source.report()
    assert set(counts) >= {"buffers", "failed_buffers", "underruns", "packets", "missing_packets",
                           "resend_requests", "resent_packets", "skipped_images"}  # fmt: skip
    assert counts["failed_buffers"] == 2
    assert counts["buffers"] >= 3
    assert "missed_frames" not in counts  # a node of USB cameras
    assert clock is None  # the emulation's stamps are all 0
    assert source.report().counts == {}
    assert pictures


def test_a_camera_with_a_clock_stamps_its_frames(
    tmp_path: Path, pictures: list[U8], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The emulation's stamps are 0, so they are put in where the SDK's would be read."""
    tick_ns, period_ns = 8, 20_000_000
    with opened(tmp_path, frames_per_s=50.0) as source:
        assert source.read(5).exposed is None
        ticks = itertools.count(10**9, period_ns // tick_ns)
        result = type(source._camera.RetrieveResult(5000))
        monkeypatch.setattr(result, "GetTimeStamp", lambda _: next(ticks))
        source._stamps._ticks_per_s = 125_000_000
        while source.read(5).exposed is None:
            """For some seconds, until the camera's clock is known."""
        frames = [source.read(5) for _ in range(80)]
        clock = source.report().clock
    assert clock is not None
    assert clock.epoch == "free_running"
    stamps = [f.exposed for f in frames if f.exposed is not None]
    assert len(stamps) == len(frames)
    assert all(
        s.monotonic_ns <= f.grabbed.monotonic_ns for s, f in zip(stamps, frames, strict=True)
    )
    steps = [b.monotonic_ns - a.monotonic_ns for a, b in pairwise(stamps)]
    assert median(steps) == pytest.approx(period_ns, rel=MAX_DRIFT)
    assert pictures


def test_a_buffer_can_be_copied_into_memory_of_ours(tmp_path: Path, pictures: list[U8]) -> None:
    """One copy, and no array that outlives the buffer."""
    room = np.zeros((ROWS, COLUMNS), np.uint8)
    with opened(tmp_path) as source:
        result = source._camera.RetrieveResult(5000)
        with result.GetArrayZeroCopy() as seen:
            assert seen.base is not None
            np.copyto(room, seen)
            del seen
        result.Release()
        for _ in range(25):  # each of the SDK's ten buffers is filled again
            source.read(5)
    assert np.array_equal(room, pictures[0])
