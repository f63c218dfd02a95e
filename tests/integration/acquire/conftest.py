from pathlib import Path

import pytest

from edge.types import U8
from tests.integration.acquire.emulated import draw_pictures


@pytest.fixture
def pictures(tmp_path: Path) -> list[U8]:
    """In `tmp_path`."""
    return draw_pictures(tmp_path)
