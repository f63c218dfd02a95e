"""A line for the console to look at: a real event log, a real control socket, the real process."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml
from pydantic import JsonValue

from contract.events import Draft
from edge.clock import SystemClock
from edge.control import ControlServer, Request
from edge.ledger.log import EventLog
from edge.types import Commit, Picture, Watermark
from tests.conftest import ROOT
from tests.unit.edge.console.strip_events import SOURCE
from tests.waiting import answers, free_port, wait_for


class Line:
    """What the console reads; `status` is what the control socket answers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "line.yaml"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.status: dict[str, JsonValue] = {
            "state": "running", "degraded": [], "inspection_valid": True, "coil": "coil-0007",
            "coil_m": 0.0, "line_m": 0.0, "speed_m_per_s": 2.5, "width_mm": 1200.0,
            "model": {"name": "demo", "version": "1.0", "digest": "0" * 64},
            "backend": "openvino", "frames": 1, "source_up": True, "uptime_s": 1.0,
        }  # fmt: skip
        self._write_config()
        self.log = EventLog(folder / "ledger", SOURCE, SystemClock(), reserve_bytes=4096)
        self.control = ControlServer(folder / "run", {"status": self._answer})

    def record(self, drafts: Sequence[Draft], pictures: Sequence[Picture] = ()) -> None:
        """Commit events as one frame would."""
        watermark = Watermark(frame=1, line_m=0.0, coil=None, coil_m=0.0)
        now = SystemClock().now()
        self.log.commit(Commit(tuple(drafts), watermark, now, tuple(pictures)))

    def _answer(self, request: Request) -> dict[str, JsonValue]:
        assert request.by == "console"
        return self.status

    def _write_config(self) -> None:
        self.config.write_text(
            yaml.safe_dump(
                {
                    "site": "mill",
                    "line": "line-1",
                    "camera": "top",
                    "bundle": "no-bundle",
                    "source": {"kind": "folder", "path": "frames"},
                    "optics": {"mm_per_px_along": 0.2, "mm_per_px_across": 0.2},
                    "position": {"kind": "lines"},
                    "coils": {"width_mm": 1200},
                    "ledger": {"path": "ledger"},
                    "run_path": "run",
                    "console": {"port": self.port},
                }
            )
        )


@contextmanager
def line_in(folder: Path) -> Iterator[Line]:
    """An open event log and an answering control socket."""
    line = Line(folder)
    line.log.open()
    line.control.start()
    try:
        yield line
    finally:
        line.control.stop()
        line.log.close()


@contextmanager
def console_of(line: Line) -> Iterator[subprocess.Popen[bytes]]:
    """The console's process, once it answers; it must end by SIGTERM with 0."""
    process = start_console(line)
    try:
        wait_for(lambda: process.poll() is not None or answers(line.url), "the console answers")
        assert process.poll() is None, (line.folder / "console.log").read_text()
        yield process
    finally:
        process.terminate()
        assert process.wait(15) == 0, (line.folder / "console.log").read_text()


def start_console(line: Line) -> subprocess.Popen[bytes]:
    """Start the process without waiting for it."""
    # NiceGUI behaves differently where it finds pytest's own variable.
    environment = {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"}  # noqa: TID251
    with (line.folder / "console.log").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.integration.console.serve", str(line.config)],
            cwd=ROOT, env=environment, stdout=log, stderr=log,
        )  # fmt: skip
