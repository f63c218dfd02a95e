"""The whole inspecting process on the fake camera, with packets that never arrive."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.acquire.fake_gige import ADDRESS, Lossy
from tests.line.daemon import Daemon, write_config
from tests.line.strip import COLUMNS, ROWS, sections, write_line_bundle
from tests.unit.runtime.small_bundle import SIDE
from tests.waiting import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.network, pytest.mark.usefixtures("camera")]


def statistic(metrics: dict[str, float], name: str) -> float:
    return metrics.get(f'stripsight_source_statistics_total{{statistic="{name}"}}', 0)


def reports(daemon: Daemon) -> list[dict[str, Any]]:
    found = [r.event.data for r in daemon.reader().latest(["coil_report"], 1000)]
    for report in found:
        assert sum(report["cells"].values()) == report["expected_cells"]
    return found


def test_lost_packets_end_in_the_coils_report_and_in_the_metrics(tmp_path: Path) -> None:
    write_line_bundle(tmp_path / "bundle")
    source = {
        "kind": "aravis", "address": ADDRESS, "frames_per_s": 25,
        "parameters": {"Width": COLUMNS * SIDE, "Height": ROWS * SIDE},
    }  # fmt: skip
    config = write_config(tmp_path, sections(tmp_path, tmp_path, source=source))
    with Daemon(config, "inspect") as daemon:
        daemon.wait_until_inspecting()
        with Lossy("udp length > 500 numgen inc mod 100 == 0") as lossy:
            wait_for(lambda: statistic(daemon.metrics(), "failed_buffers") >= 3, "lost packets")
        wait_for(lambda: statistic(daemon.metrics(), "failed_buffers") >= lossy.lost, "all of them")
        coils = len(reports(daemon))
        wait_for(lambda: len(reports(daemon)) > coils + 1, "two coils more")
        metrics = daemon.metrics()
    failed = statistic(metrics, "failed_buffers")
    assert lossy.lost >= 3
    assert metrics['stripsight_frames_lost_total{reason="incomplete_frame"}'] == failed
    lost = [report["reasons"].get("lost(incomplete_frame)", 0) for report in reports(daemon)]
    assert sum(lost) == failed * ROWS * COLUMNS
    assert metrics['stripsight_camera_clock_epoch{epoch="utc"}'] == 1
