"""The ledger's disk fills up under the running daemon and is freed again."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import require_program
from tests.line.daemon import Daemon, write_config
from tests.line.strip import sections, write_line_bundle, write_strip
from tests.waiting import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.mount]
DISK_MB = 40


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = [require_program("mount"), "-t", "tmpfs", "-o", f"size={DISK_MB}m", "none", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    yield disk
    subprocess.run([require_program("umount"), "-l", str(disk)], check=True)


def fill(disk: Path) -> None:
    with (disk / "filler").open("ab", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            return


def test_a_full_disk_stops_nothing_for_good_and_loses_nothing_in_silence(
    tmp_path: Path, small_disk: Path
) -> None:
    write_line_bundle(tmp_path / "bundle")
    frames = write_strip(tmp_path / "frames", 10, [(i, 3, i) for i in range(10)])
    ledger = {"path": str(small_disk / "ledger"), "event_buffer_s": 0.5}
    config = write_config(tmp_path, sections(tmp_path, frames, ledger=ledger))

    def refused() -> bool:
        fill(small_disk)
        return "the ledger cannot be written" in daemon.status().get("degraded", [])

    with Daemon(config, "inspect") as daemon:
        daemon.wait_until_inspecting()
        wait_for(refused, "the ledger is refused", 90)
        assert not daemon.status()["inspection_valid"]
        (small_disk / "filler").unlink()
        wait_for(lambda: daemon.status().get("state") == "running", "it goes on", 60)
        reader = daemon.reader()
        coils = len(reader.latest(["coil_report"], 10_000))
        wait_for(lambda: len(reader.latest(["coil_report"], 10_000)) > coils + 1, "coils", 60)
    reader = daemon.reader()
    seqs = [r.event.seq for r in reader.after(0, 1_000_000)]
    assert seqs == list(range(1, len(seqs) + 1))
    for recorded in reader.latest(["coil_report"], 10_000):
        report = recorded.event.data
        assert sum(report["cells"].values()) == report["expected_cells"]
        if not report["interrupted"] and report["cells"] == {"on_time": report["expected_cells"]}:
            assert report["defects"] == {"right": 10}
