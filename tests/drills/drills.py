"""Each drill hurts a daemon, lets it recover, and returns what its ledger says of the strip.

A drill asserts what must be seen while it goes on; whoever runs it asserts that nothing was missed.
"""

import signal
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.drills.aside import aside
from tests.drills.camera import HurtCamera, source
from tests.drills.disk import small_disk
from tests.drills.line import ALL, PICTURES, DrillLine
from tests.drills.night import refused, three_in_the_morning
from tests.drills.stepped_clock import OffsetFile
from tests.drills.trials import random_trials
from tests.lens.harm import dark, defocus, fog
from tests.line.truth import Findings
from tests.unit.runtime.small_bundle import SIDE
from tests.waiting import wait_for

Drill = Callable[[Path, int, int], Findings]
"""A folder of its own, a seed, and how often or how long it shall hurt (1 is the shortest)."""


def lamp_and_torn_frames(folder: Path, seed: int, effort: int) -> Findings:
    """The lamp is out, then far too bright; files are torn."""
    line = DrillLine(folder, seed)
    hurt = [int(n) for n in np.random.default_rng(seed).permutation(PICTURES)[:6]]
    for picture, harm in zip(hurt, ("dark", "bright", "torn") * 2, strict=True):
        line.tear(picture) if harm == "torn" else line.fill(picture, 0 if harm == "dark" else 255)
    with line.inspecting() as daemon:
        line.pass_coils(12 * effort, 60 * effort)
        assert not daemon.metrics()["stripsight_account_breaches_total"]
    findings = line.findings()
    for reason in ("unusable(dark)", "unusable(saturated)", "lost(unreadable)"):
        assert findings.cells[reason], f"{reason} is not in {findings.cells}"
    return findings


def camera_gone_and_back(folder: Path, seed: int, effort: int) -> Findings:
    """The camera SDK loses its device a hundred times, and each time it is opened anew."""
    camera = HurtCamera("gone", folder / "camera")
    frames = source(folder / "frames")
    line = DrillLine(folder, seed, program=camera.program, source=frames)
    with line.inspecting() as daemon:

        def reopened() -> float:
            return daemon.metrics()["stripsight_source_reopened_total"]

        wait_for(lambda: reopened() >= 100 * effort, "a hundred removals", 120 * effort)
    return line.findings(camera.shown())


def torn_camera_frames(folder: Path, seed: int, effort: int) -> Findings:
    """The camera's buffers come incomplete, two in turn; what they showed counts as planted."""
    camera = HurtCamera("torn", folder / "camera")
    frames = source(folder / "frames")
    line = DrillLine(folder, seed, program=camera.program, source=frames)
    with line.inspecting() as daemon:
        line.pass_coils(20 * effort, 60 * effort)
        assert not daemon.metrics()["stripsight_source_reopened_total"]
    for frame, picture in camera.shown().items():
        assert line.planted_on(picture) == line.planted_on(frame % PICTURES), "not in turn"
    findings = line.findings()
    assert findings.cells["lost(incomplete_frame)"], f"no frame is torn: {findings.cells}"
    return findings


def knocked_aside(folder: Path, seed: int, effort: int) -> Findings:
    """The camera looks half beside the strip, on either side, and wholly; then it is put back."""
    line = DrillLine(folder, seed, strip={"edges": "detect", "margin_px": 0})
    knocked = dict.fromkeys(range(4, 8), 10) | {8: 20, 9: -20} | dict.fromkeys(range(10, 14), -10)
    for picture in range(PICTURES):
        line.change(picture, aside(knocked.get(picture, 0)))
    with line.inspecting() as daemon:
        for _ in range(5 * effort):
            wait_for(lambda: not daemon.status()["inspection_valid"], "the knock is seen")
            wait_for(lambda: daemon.status()["inspection_valid"], "the strip is seen again")
        line.pass_coils(3)
    findings = line.findings()
    for reason in ("lost(no_view)", "off_strip_disagreement(edge_jump)", "unusable(dark)"):
        assert findings.cells[reason], f"{reason} is not in {findings.cells}"
    return findings


def lens_fogged(folder: Path, seed: int, effort: int) -> Findings:
    """Fog, a lens out of focus, a hand before part of it, and half a lamp that is dead.

    No coil begins in fog: the lens would be taken for clear and the steel for smooth.
    """
    line = DrillLine(folder, seed, textured=True)
    third = slice(15 * SIDE, 36 * SIDE)
    half = slice(32 * SIDE, None)
    hurt = np.random.default_rng(seed).permutation(np.arange(9, PICTURES)).tolist()
    for picture, harm in zip(
        hurt, (fog(0.1), defocus(6), dark(third), dark(half)) * 2, strict=False
    ):
        line.change(picture, harm)
    with line.inspecting() as daemon:
        line.pass_coils(4 * effort, 60 * effort)
        metrics = daemon.metrics()
        for reason in ("blurred", "obscured"):
            assert metrics[f'stripsight_unusable_frames_total{{reason="{reason}"}}']
    findings = line.findings()
    for reason in ("unusable(blurred)", "unusable(obscured)"):
        assert findings.cells[reason], f"{reason} is not in {findings.cells}"
    return findings


def slow_engine(folder: Path, seed: int, effort: int) -> Findings:
    """Frames come faster than the network: the deadline passes, the oldest are dropped."""
    source = {"kind": "folder", "path": str(folder / "frames"), "frames_per_s": 200, "repeat": True}
    line = DrillLine(folder, seed, layers=60, source=source, inspect={"deadline_s": 0.05})
    with line.inspecting() as daemon:
        line.pass_coils(20 * effort, 60 * effort)
        metrics = daemon.metrics()
        assert metrics["stripsight_uninspected_metres_total"]
        assert metrics['stripsight_frames_lost_total{reason="buffer_overflow"}']
    findings = line.findings()
    assert findings.cells["late"], f"nothing is late: {findings.cells}"
    assert findings.cells["lost(buffer_overflow)"], f"nothing was dropped: {findings.cells}"
    return findings


def stops_and_kills(folder: Path, seed: int, effort: int) -> Findings:
    """SIGTERM and SIGKILL at moments drawn by chance, at the start too; then an orderly end."""
    random = np.random.default_rng(seed)
    line = DrillLine(folder, seed)
    for _ in range(6 * effort):
        line.daemon.start()
        if random.random() < 0.8:
            line.daemon.wait_until_inspecting()
        how = signal.SIGKILL if random.random() < 0.7 else signal.SIGTERM
        threading.Event().wait(random.uniform(0.05, 1.0))  # the moment is what the drill is about
        code = line.daemon.end_by(how)
        assert code in {0, -how}, line.daemon.log.read_text()
    with line.daemon as daemon:
        daemon.wait_until_inspecting()
        line.pass_coils(1)
    return line.findings()


def clock_stepped(folder: Path, seed: int, effort: int) -> Findings:
    """The host's clock jumps by the 37 s between TAI and UTC, and an hour back."""
    clock = OffsetFile(folder / "clock")
    line = DrillLine(folder, seed, program=("tests.drills.stepped_clock", str(clock.path)))
    with line.inspecting() as daemon:
        for _ in range(effort):
            for step_s in (37, -3600, 0):
                clock.step_to(step_s)
                line.pass_coils(3)
        metrics = daemon.metrics()
    name = "stripsight_grabbed_to_committed_seconds"
    assert metrics[f'{name}_bucket{{le="5.0"}}'] == metrics[f"{name}_count"]
    assert metrics[f"{name}_sum"] >= 0
    started = [r.event.time for r in daemon.reader().latest(["coil_started"], ALL)]
    assert clock.seen(reversed(started))
    return line.findings()


def ledger_disk_full(folder: Path, seed: int, effort: int) -> Findings:
    """The ledger's disk fills up and is freed again, `effort` times."""
    with small_disk(folder / "disk") as disk:
        ledger = {"path": str(disk / "ledger"), "event_buffer_s": 0.5}
        line = DrillLine(folder, seed, ledger=ledger)

        with line.inspecting() as daemon:
            for _ in range(effort):
                wait_for(lambda: refused(daemon, disk), "the ledger is refused", 90)
                assert not daemon.status()["inspection_valid"]
                (disk / "filler").unlink()
                wait_for(lambda: daemon.status().get("state") == "running", "it goes on", 60)
                line.pass_coils(2)
        return line.findings()


DRILLS: dict[str, Drill] = {
    drill.__name__: drill
    for drill in (
        lamp_and_torn_frames,
        camera_gone_and_back,
        torn_camera_frames,
        knocked_aside,
        lens_fogged,
        slow_engine,
        stops_and_kills,
        clock_stepped,
        ledger_disk_full,
        three_in_the_morning,
        random_trials,
    )
}


def run_drill(name: str, folder: Path, seed: int, effort: int) -> Findings:
    """One of them, by its name.

    Raises:
        PermissionError: this machine lacks a right or a program that it needs.
    """
    try:
        return DRILLS[name](folder, seed, effort)
    except pytest.skip.Exception as missing:
        raise PermissionError(str(missing)) from missing
