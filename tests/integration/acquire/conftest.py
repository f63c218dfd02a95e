import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.acquire.aravis import load_library
from edge.errors import ConfigError
from edge.types import U8
from tests.integration.acquire.emulated import draw_pictures
from tests.integration.acquire.fake_gige import FakeCamera, OwnNetwork


@pytest.fixture
def pictures(tmp_path: Path) -> list[U8]:
    """In `tmp_path`."""
    return draw_pictures(tmp_path)


@pytest.fixture(scope="session")
def network() -> Iterator[OwnNetwork]:
    """For the camera and its reader alone."""
    network = OwnNetwork()
    yield network
    network.close()


@pytest.fixture
def camera(network: OwnNetwork) -> Iterator[FakeCamera]:
    """Aravis' fake camera, running, alone with the test in a network of its own."""
    try:
        load_library()
    except ConfigError as missing:
        pytest.skip(str(missing))
    with network.entered():
        camera = FakeCamera()
        camera.start()
        yield camera
        gc.collect()  # a camera that an error's traceback still holds waits 5 s for a dead process
        camera.kill()
