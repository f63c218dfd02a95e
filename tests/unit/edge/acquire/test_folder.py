import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.acquire import folder
from edge.acquire.folder import FolderSource, list_pictures, natural_key
from edge.acquire.position import LinesPosition
from edge.config import FolderSource as FolderSection
from edge.errors import ConfigError, SourceEndedError, SourceError, SourceTimeoutError
from edge.types import Loss
from tests.unit.edge.acquire.fakes import FakeClock

ROWS, M_PER_ROW = 20, 0.001
BLOCK_M = ROWS * M_PER_ROW


def write(path: Path, grey: int) -> None:
    assert cv2.imwrite(str(path), np.full((ROWS, 30), grey, np.uint8))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for number in (1, 2, 10):
        write(tmp_path / f"f{number}.png", number)
    return tmp_path


def opened(path: Path, frames_per_s: float | None = None, *, repeat: bool = False) -> FolderSource:
    return open_on(FakeClock(), path, frames_per_s, repeat=repeat)


def open_on(
    clock: FakeClock, path: Path, frames_per_s: float | None = None, *, repeat: bool = False
) -> FolderSource:
    section = FolderSection(kind="folder", path=path, frames_per_s=frames_per_s, repeat=repeat)
    source = FolderSource(section, LinesPosition(M_PER_ROW), clock)
    source.open()
    return source


def greys(source: FolderSource, count: int) -> list[int]:
    return [int(source.read(1).pixels[0, 0]) for _ in range(count)]


def test_natural_order_then_the_end(pictures: Path) -> None:
    source = opened(pictures)
    assert greys(source, 3) == [1, 2, 10]
    with pytest.raises(SourceEndedError):
        source.read(1)


def test_repeats(pictures: Path) -> None:
    source = opened(pictures, repeat=True)
    assert greys(source, 7) == [1, 2, 10, 1, 2, 10, 1]
    assert source.read(1).seq == 7


def test_pictures_beyond_the_memory_bound_come_all_the_same(
    pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "PRELOAD_BYTES", ROWS * 30)
    source = opened(pictures, repeat=True)
    assert len(source._loaded) == 1
    assert greys(source, 6) == [1, 2, 10, 1, 2, 10]


def test_a_late_reader_loses_frames_as_with_a_camera(pictures: Path) -> None:
    clock = FakeClock()
    source = open_on(clock, pictures, 10, repeat=True)
    source.read(1)
    clock.pass_s(0.35)
    frame = source.read(1)
    assert (frame.seq, int(frame.pixels[0, 0])) == (3, 1)
    assert frame.losses == (Loss(BLOCK_M, 3 * BLOCK_M, "camera_overrun"),)
    assert frame.exposed == frame.grabbed


def test_not_due_yet(pictures: Path) -> None:
    source = opened(pictures, 0.1)
    source.read(1)
    with pytest.raises(SourceTimeoutError):
        source.read(1)


@pytest.mark.parametrize("preload", [folder.PRELOAD_BYTES, ROWS * 30])
def test_a_corrupt_picture_is_a_lost_frame(
    pictures: Path,
    preload: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(folder, "PRELOAD_BYTES", preload)
    good = (pictures / "f2.png").read_bytes()
    (pictures / "f2.png").write_bytes(good[: len(good) // 2])
    source = opened(pictures, repeat=True)
    source.read(1)
    with caplog.at_level(logging.WARNING):
        frame = source.read(1)
    assert int(frame.pixels[0, 0]) == 10
    assert (frame.seq, frame.losses) == (2, (Loss(BLOCK_M, 2 * BLOCK_M, "unreadable"),))
    assert "f2.png" in caplog.text


def test_a_corrupt_last_picture_is_told_in_the_log(
    pictures: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (pictures / "f10.png").write_bytes(b"")
    source = opened(pictures)
    greys(source, 2)
    with pytest.raises(SourceEndedError):
        source.read(1)
    assert "last 1 frames are lost" in caplog.text


def test_overrun_and_corruption_together(pictures: Path) -> None:
    clock = FakeClock()
    (pictures / "f10.png").write_bytes(b"x")
    source = open_on(clock, pictures, 10, repeat=True)
    source.read(1)
    clock.pass_s(0.2)
    frame = source.read(1)
    assert [loss.reason for loss in frame.losses] == ["camera_overrun", "unreadable"]
    assert frame.seq == 3


def test_no_picture_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(SourceError, match="none of its pictures"):
        opened(tmp_path, repeat=True)


def test_pictures_that_vanish_end_in_an_error_and_not_in_a_loop(
    pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "PRELOAD_BYTES", 0)
    source = opened(pictures, repeat=True)
    for file in pictures.iterdir():
        file.unlink()
    with pytest.raises(SourceError, match="none of its pictures"):
        source.read(1)


def test_missing_and_empty_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        opened(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "sub.png").mkdir()
    with pytest.raises(ConfigError, match="no picture in it"):
        opened(tmp_path)
    with pytest.raises(ConfigError, match=r"notes\.txt"):
        list_pictures(tmp_path / "notes.txt")


def test_close_twice_and_open_again(pictures: Path) -> None:
    source = opened(pictures)
    source.read(1)
    source.close()
    source.close()
    source.open()
    frame = source.read(1)
    assert (frame.seq, int(frame.pixels[0, 0])) == (1, 1)
    assert frame.losses == (Loss(BLOCK_M, BLOCK_M, "camera_away"),)


@given(st.lists(st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=12)))
def test_any_names_can_be_ordered(names: list[str]) -> None:
    keys = [natural_key(name) for name in names]
    assert len(set(keys)) == len(set(names))
    keys.sort()


def test_numbers_sort_by_value() -> None:
    assert sorted(["b", "a10", "a9", "a09", "10", "9"], key=natural_key) == [
        "9", "10", "a09", "a9", "a10", "b",
    ]  # fmt: skip
