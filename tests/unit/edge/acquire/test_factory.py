from importlib import import_module
from pathlib import Path

import cv2
import numpy as np

from edge.acquire import factory
from edge.acquire.factory import make_source
from edge.acquire.position import LinesPosition
from edge.config import Source
from tests.unit.edge.acquire.fakes import FakeClock, make_config


def test_a_folder_of_the_config_is_played(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((8, 8), 7, np.uint8))
    config = make_config({"kind": "folder", "path": tmp_path})
    source = make_source(config, LinesPosition(0.001), FakeClock())
    source.open()
    assert source.read(1).pixels.tolist() == [[7] * 8] * 8


def test_every_kind_of_the_config_has_an_adapter() -> None:
    sections = Source.__args__[0].__args__
    kinds = {section.model_fields["kind"].annotation.__args__[0] for section in sections}
    assert kinds == set(factory._ADAPTERS)
    for target in factory._ADAPTERS.values():
        module, name = target.split(":")
        assert isinstance(getattr(import_module(module), name), type)
