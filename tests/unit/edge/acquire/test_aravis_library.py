"""What is said where Aravis cannot be loaded, and what its stream's properties refuse."""

import sys
import types

import pytest

from edge.acquire.aravis import DEBIANS_PACKAGES, AravisSource, load_library
from edge.acquire.position import LinesPosition
from edge.config import AravisSource as AravisSection
from edge.errors import ConfigError
from tests.unit.edge.acquire.fakes import FakeClock


def gi_without_aravis() -> types.ModuleType:
    """As where only python3-gi is installed: it knows no such namespace."""

    def require_version(name: str, version: str) -> None:
        raise ValueError(f"Namespace {name} not available for version {version}")

    gi = types.ModuleType("gi")
    vars(gi)["require_version"] = require_version
    return gi


@pytest.mark.parametrize("gi", [None, gi_without_aravis()], ids=["no gi", "no typelib"])
def test_what_is_missing_is_named_with_its_packages(
    gi: types.ModuleType | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gi", gi)
    with pytest.raises(ConfigError, match=r"python3-gi and gir1\.2-aravis-0\.8") as error:
        load_library()
    assert error.value.exit_code == 2
    assert DEBIANS_PACKAGES not in sys.path  # or the venv would see all that Debian has


def test_a_source_that_cannot_load_it_is_still_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gi", None)
    source = AravisSource(AravisSection(kind="aravis"), LinesPosition(1), FakeClock())
    with pytest.raises(ConfigError):
        source.open()
    source.close()
    assert source.report().counts == {}
