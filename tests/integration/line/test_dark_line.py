"""The daemon under a dark lamp: an event a second, and none missing after a kill."""

import signal
from pathlib import Path

import cv2
import numpy as np
import pytest

from contract.bodies import CoilReport, NotInspected
from tests.line.daemon import Daemon, write_config
from tests.line.strip import COLUMNS, FRAME_M, ROWS, WIDTH_MM, sections, write_line_bundle
from tests.unit.runtime.small_bundle import SIDE
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
FRAMES_PER_S = 28
KINDS = ["not_inspected"]


def dark_line(folder: Path) -> Path:
    write_line_bundle(folder / "bundle")
    frames = folder / "frames"
    frames.mkdir()
    dark = np.zeros((ROWS * SIDE, COLUMNS * SIDE), np.uint8)
    cv2.imwrite(str(frames / "dark.bmp"), dark)
    source = {"kind": "folder", "path": str(frames), "frames_per_s": FRAMES_PER_S, "repeat": True}
    coils = {"length_m": 10_000, "width_mm": WIDTH_MM}
    return write_config(folder, sections(folder, frames, source=source, coils=coils))


def test_a_dark_lamp_is_told_once_a_second_and_whole_after_a_kill(tmp_path: Path) -> None:
    with Daemon(dark_line(tmp_path), "inspect") as daemon:
        daemon.wait_until_inspecting()
        wait_for(lambda: daemon.status()["line_m"] > 3.5 * FRAMES_PER_S * FRAME_M, "3.5 s of dark")
        daemon.end_by(signal.SIGKILL)
        before = [r.event.body() for r in daemon.reader().latest(KINDS, 99)]
        daemon.start()
        daemon.wait_until_inspecting()
        (broken,) = (r.event for r in daemon.reader().latest(["coil_report"], 9))
        of_coil = daemon.reader().of_coil(broken.subject or "", KINDS)
    report = broken.body()
    assert isinstance(report, CoilReport)
    told = [body for r in of_coil if isinstance(body := r.event.body(), NotInspected)]
    assert abs(len(before) - report.length_m / FRAME_M / FRAMES_PER_S) <= 2
    assert [body.reason for body in told[len(before) :]] in (["dark", "restart"], ["restart"])
    assert sum(body.cells for body in told) == report.reasons["unusable(dark)"]
    borders = [(body.extent.from_m, body.extent.to_m) for body in told]
    assert [start for start, _ in borders[1:]] == pytest.approx([end for _, end in borders[:-1]])
