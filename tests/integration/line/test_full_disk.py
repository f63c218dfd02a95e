"""A full disk under a recording, under a ledger when the daemon starts, and under its output."""

from pathlib import Path

import pytest

from tests.drills.disk import fill, small_disk
from tests.integration.line.test_commands import edge
from tests.line.daemon import Daemon, write_config
from tests.line.strip import sections, write_line_bundle, write_strip
from tests.waiting import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.mount]
DROPS = 'stripsight_buffer_drops_total{buffer="recording"}'
WRITTEN = "stripsight_recorded_bytes_total"


def test_a_full_disk_costs_the_recording_alone(tmp_path: Path) -> None:
    try:
        with small_disk(tmp_path / "disk") as disk:
            _fill_under_a_recording(tmp_path, disk)
    except PermissionError as error:
        pytest.skip(str(error))


def test_a_daemon_starts_on_a_full_disk(tmp_path: Path) -> None:
    """What an operator tries first. The reserve is for this too."""
    write_line_bundle(tmp_path / "bundle")
    frames = write_strip(tmp_path / "frames", 10, [(i, 3, i) for i in range(10)])
    try:
        with small_disk(tmp_path / "disk", 80) as disk:
            ledger = {"path": str(disk / "ledger")}
            config = write_config(tmp_path, sections(tmp_path, frames, ledger=ledger))
            with Daemon(config, "inspect") as daemon:
                daemon.wait_until_inspecting()
            fill(disk)
            with Daemon(config, "inspect") as daemon:
                daemon.wait_until_inspecting()
                before = daemon.reader().last_seq()
                wait_for(lambda: daemon.reader().last_seq() > before, "events")
            assert "the reserve is in use now" in daemon.log.read_text()
    except PermissionError as error:
        pytest.skip(str(error))


def test_a_line_goes_on_whose_output_has_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    write_line_bundle(tmp_path / "bundle")
    frames = write_strip(tmp_path / "frames", 10, [])
    config = write_config(tmp_path, sections(tmp_path, frames))
    daemon = Daemon(config, "run", output=Path("/dev/full"))
    daemon.start()
    said = "standard output: cannot be written (No space left on device); the line goes on"
    wait_for(lambda: said in daemon.log.read_text(), "what it says of its output")
    daemon.wait_until_inspecting()
    before = daemon.reader().last_seq()
    wait_for(lambda: daemon.reader().last_seq() > before, "events")
    daemon.stop()


def _fill_under_a_recording(folder: Path, disk: Path) -> None:
    write_line_bundle(folder / "bundle")
    frames = write_strip(folder / "frames", 10, [(i, 3, i) for i in range(10)])
    record = {"path": str(disk / "recording"), "max_gb": 0.1}
    config = write_config(folder, sections(folder, frames, record=record))
    with Daemon(config, "inspect") as daemon:
        daemon.wait_until_inspecting()
        wait_for(lambda: daemon.metrics().get(WRITTEN, 0) > 1e6, "a recording")
        fill(disk)
        wait_for(lambda: daemon.metrics().get(DROPS, 0) > 10, "records that found no room")
        status = daemon.status()
        assert status["inspection_valid"]
        assert status["degraded"] == ["the recording cannot be written"]
        before = daemon.metrics()[WRITTEN]
        (disk / "filler").unlink()
        wait_for(lambda: daemon.metrics()[WRITTEN] > before, "recording again, a second later")
        reader = daemon.reader()
        coils = len(reader.latest(["coil_report"], 10_000))
        wait_for(lambda: len(reader.latest(["coil_report"], 10_000)) > coils + 2, "coils")
    for recorded in daemon.reader().latest(["coil_report"], 10_000):
        assert recorded.event.data["cells"] == {"on_time": recorded.event.data["expected_cells"]}
    done = edge("replay", "--from", disk / "recording")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "could not be written in time" in done.stdout
    assert "the whole run is not" in done.stdout
