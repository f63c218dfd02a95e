"""Real frames of cold-rolled strip, through the folder and through the camera emulation."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.acquire.factory import make_source
from edge.acquire.folder import list_pictures
from edge.acquire.position import LinesPosition
from edge.clock import SystemClock
from edge.errors import SourceEndedError
from edge.types import U8, Frame
from runtime.scale import read_gray
from tests.unit.edge.acquire.fakes import make_config

# By a thread: the SDK can wait for ever in a process that has an interval timer running.
pytestmark = [
    pytest.mark.integration,
    pytest.mark.data,
    pytest.mark.timeout(60, method="thread"),
]

COUNT = 12
M_PER_ROW = 0.0005


@pytest.fixture(scope="module")
def images(real_data: Path) -> tuple[Path, ...]:
    folder = real_data / "gc10_frames" / "images"
    if not folder.is_dir():
        pytest.skip(f"no gc10_frames in {real_data}")
    return list_pictures(folder)[:COUNT]


def check(frames: list[Frame], pictures: list[U8]) -> None:
    assert [frame.seq for frame in frames] == list(range(len(pictures)))
    for frame, pixels in zip(frames, pictures, strict=True):
        assert np.array_equal(frame.pixels, pixels)
        assert frame.losses == ()
    assert frames[-1].rows.end_m == pytest.approx(sum(map(len, pictures)) * M_PER_ROW)


def test_through_the_folder(images: tuple[Path, ...]) -> None:
    config = make_config({"kind": "folder", "path": images[0].parent})
    source = make_source(config, LinesPosition(M_PER_ROW), SystemClock())
    source.open()
    total = len(list_pictures(images[0].parent))
    frames = [source.read(5) for _ in range(total)]
    with pytest.raises(SourceEndedError):
        source.read(5)
    source.close()
    check(frames[:COUNT], [read_gray(image) for image in images])
    assert frames[-1].seq == total - 1


def test_through_the_camera_emulation(tmp_path: Path, images: tuple[Path, ...]) -> None:
    pictures = [read_gray(image) for image in images]
    for number, pixels in enumerate(pictures):
        assert cv2.imwrite(str(tmp_path / f"{number:03d}.bmp"), pixels)
    config = make_config({"kind": "pylon", "emulation": tmp_path})
    source = make_source(config, LinesPosition(M_PER_ROW), SystemClock())
    source.open()
    try:
        check([source.read(5) for _ in pictures], pictures)
    finally:
        source.close()
