"""kill -9 of the supervisor: its processes end, even those that were only just starting."""

from pathlib import Path

import pytest

from tests.line.daemon import Daemon, write_config
from tests.line.strip import sections, write_line_bundle, write_strip
from tests.waiting import free_port, wait_for

pytestmark = pytest.mark.integration


def test_no_process_outlives_a_supervisor_that_dies_while_they_start(tmp_path: Path) -> None:
    write_line_bundle(tmp_path / "bundle")
    frames = write_strip(tmp_path / "frames", 2, [])
    console = {"enabled": True, "port": free_port()}
    daemon = Daemon(write_config(tmp_path, sections(tmp_path, frames, console=console)))
    daemon.start()
    children = wait_for(lambda: _all_three(daemon), "all are started")
    assert daemon.process is not None
    daemon.process.kill()
    daemon.process.wait()
    wait_for(lambda: not any(_is_ours(pid, daemon.config) for pid in children), "all have ended")


def _all_three(daemon: Daemon) -> list[int]:
    found = [pid for pid in daemon.children() if _is_ours(pid, daemon.config)]
    return found if len(found) == 3 else []


def _is_ours(pid: int, config: Path) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"--supervised" in words and str(config).encode() in words
