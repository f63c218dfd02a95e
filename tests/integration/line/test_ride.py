"""The daemon over a strip that stops, turns back and goes on, with an encoder's counts."""

from pathlib import Path

import pytest

from contract.bodies import CoilReport, NotInspected
from tests.line.daemon import Daemon, write_config
from tests.line.strip import sections, write_line_bundle
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
RIDE = [[0, 1], [0.5, 1], [0.6, 0], [3.3, 0], [3.5, -1], [3.7, -1], [3.9, 1]]
"""To 0.55 m, at rest for longer than a silent source may be, 0.3 m back, and on at 1 m/s."""


def ride(folder: Path) -> Path:
    write_line_bundle(folder / "bundle")
    source = {
        "kind": "simulated", "frames": 4, "width_px": 256, "rows": 128, "speed": RIDE,
    }  # fmt: skip
    encoder = {"kind": "encoder", "counts_per_m": 4000, "bits": 16, "absolute": True}
    changes = {
        "source": source,
        "position": encoder,
        "coils": {"length_m": 0.7, "width_mm": 100},
        "inspect": {"deadline_s": 5},
    }
    return write_config(folder, sections(folder, folder, **changes))


def test_a_ride_is_inspected_whole_and_goes_on_after_a_kill(tmp_path: Path) -> None:
    with Daemon(ride(tmp_path), "inspect") as daemon:
        daemon.wait_until_inspecting()
        wait_for(lambda: daemon.status()["line_m"] > 0.5, "the strip comes to rest")
        up = []

        def second_coil() -> bool:
            up.append(daemon.metrics()["stripsight_source_up"])
            return len(daemon.reader().latest(["coil_report"], 9)) >= 2

        wait_for(second_coil, "two coils")
        assert set(up) == {1.0}
        bodies = [r.event.body() for r in daemon.reader().latest(["coil_report"], 9)]
        reports = [body for body in bodies if isinstance(body, CoilReport)]
        assert all(report.cells == {"on_time": report.expected_cells} for report in reports)
        kept_m = max(report.length_m for report in reports) * len(reports)
        assert daemon.process is not None
        daemon.process.kill()
        daemon.wait()
        daemon.start()
        daemon.wait_until_inspecting()
        # What the ledger holds counts: `line_m` just before the kill may not have been in it yet.
        assert daemon.status()["line_m"] >= kept_m
        told = [r.event.body() for r in daemon.reader().latest(["not_inspected"], 9)]
        lost = [body for body in told if isinstance(body, NotInspected)]
        assert {body.reason for body in lost} == {"restart"}
