"""Frames that come out of a recording as pictures to be marked."""

import csv
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import pytest

from edge.clock import SystemClock
from edge.errors import ConfigError
from edge.record import pictures
from edge.record.pictures import write_pictures
from edge.record.ring import segment_paths
from export.screen.marked import open_marked
from runtime.scale import read_gray
from tests.line.strip import write_line_bundle
from tests.unit.edge.record.recorded_line import RecordedLine, with_defect

FRAMES = 5
"""Three and a half of them to a coil."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_line_bundle(tmp_path / "bundle")
    line = RecordedLine(tmp_path)
    for k in range(FRAMES):
        line.frame(k)
    line.end()
    return tmp_path


def written(folder: Path) -> str:
    said: list[str] = []
    write_pictures(folder / "recording", None, folder / "out", said.append, SystemClock())
    return "\n".join(said)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "out" / "unmarked.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_row_of_every_frame_is_in_the_picture_of_its_coil(folder: Path) -> None:
    said = written(folder)
    assert f"{FRAMES + 1} pictures in {folder / 'out'}" in said
    assert "rename it boxes.csv" in said
    table = rows(folder)
    assert [row["coil"] for row in table] == ["coil-0000"] * 4 + ["coil-0001"] * 2
    seen = [read_gray(folder / "out" / row["file"]) for row in table]
    strip = np.vstack([with_defect(k) for k in range(FRAMES)])
    assert np.array_equal(np.vstack(seen), strip)
    assert {path.suffix for path in (folder / "out").iterdir()} == {".png", ".csv"}


def test_what_is_not_marked_yet_calibrates_no_screen(folder: Path) -> None:
    written(folder)
    with pytest.raises(ConfigError, match=r"no boxes\.csv there"):
        open_marked(folder / "out")
    (folder / "out" / "unmarked.csv").rename(folder / "out" / "boxes.csv")
    assert len(list(open_marked(folder / "out").pieces())) == FRAMES + 1


def test_a_hole_is_said_and_the_rest_is_written(folder: Path) -> None:
    (segment,) = segment_paths(folder / "recording")
    segment.write_bytes(segment.read_bytes()[:-40])
    said = written(folder)
    assert "hole: " in said
    assert len(rows(folder)) == FRAMES + 1


def test_a_folder_in_use_is_refused(folder: Path) -> None:
    written(folder)
    with pytest.raises(ConfigError, match="is not empty"):
        written(folder)


def test_a_disk_that_takes_no_more_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "imwrite", lambda *_: False)
    with pytest.raises(ConfigError, match=r"png: cannot be written; is the disk full\?"):
        written(folder)


def test_a_table_that_finds_no_room_is_said(folder: Path) -> None:
    """/dev/full takes nothing, as a full disk does."""
    with (
        patch.object(pictures, "UNMARKED", "/dev/full"),
        pytest.raises(ConfigError, match=r"cannot be written \(No space left on device\)"),
    ):
        written(folder)
