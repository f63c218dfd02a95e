"""Frames of another mill through the daemon, from a folder and through Basler's emulation."""

from pathlib import Path

import cv2
import pytest

from runtime.scale import read_gray
from tests.line.daemon import Daemon, write_config
from tests.line.strip import write_line_bundle
from tests.waiting import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.data]


@pytest.mark.parametrize("kind", ["folder", "pylon"])
def test_frames_of_another_mill_run_and_only_strip_is_looked_at(
    kind: str, real_data: Path, tmp_path: Path
) -> None:
    write_line_bundle(tmp_path / "bundle")
    frames = tmp_path / "frames"
    frames.mkdir()
    pictures = sorted((real_data / "gc10_frames" / "images").glob("*.jpg"))
    for number, path in enumerate(pictures):
        cv2.imwrite(str(frames / f"{number:02d}.bmp"), read_gray(path))
    source = {"kind": "folder", "path": "frames", "frames_per_s": 4, "repeat": True}
    if kind == "pylon":
        source = {"kind": "pylon", "emulation": "frames", "frames_per_s": 4}
    config = write_config(
        tmp_path,
        {
            "bundle": "bundle",
            "source": source,
            "coils": {"length_m": len(pictures) * 0.5, "width_mm": 1024},
            "inspect": {"deadline_s": 10.0, "tile_log": True},
        },
    )
    with Daemon(config, "inspect") as daemon:
        daemon.wait_until_inspecting()
        report = wait_for(
            lambda: daemon.reader().of_coil("coil-0001", ["coil_report"]), "a coil", 90
        )[0].event.data
    assert set(report["cells"]) <= {"on_time", "off_strip_disagreement", "lost"}
    doubts = {f"off_strip_disagreement({reason})" for reason in ("narrower", "edge_jump")}
    assert set(report["reasons"]) <= {"lost(no_view)", *doubts}  # ten frames of ten strips
    first_columns = {0: 450, 1: 610}
    ends = {6: 1325}
    tiles = [t for t in daemon.reader().tiles() if t.coil == "coil-0001"]
    assert {t.frame % len(pictures) for t in tiles} == set(range(len(pictures)))
    for tile in tiles:
        number = tile.frame % len(pictures)
        assert tile.column >= first_columns.get(number, 0) - 20
        assert tile.column + 16 <= ends.get(number, 2048) + 20
