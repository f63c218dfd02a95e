"""What all tests share: where the real images lie, and the programs that a test may need."""

import os
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

# How long an example takes says how busy the machine is; pytest-timeout ends what hangs.
settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any-machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-skips", action="store_true",
        help="fail when a test is skipped, unless GPU, real images or a right of root are missing",
    )  # fmt: skip


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    forbidden = item.config.getoption("--no-skips") and not _needs_what_is_not_here(item)
    if report.skipped and forbidden and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which --no-skips forbids: {report.longrepr}"
    return report


def _needs_what_is_not_here(item: pytest.Item) -> bool:
    if any(item.get_closest_marker(right) for right in ("gpu", "mount", "network")):
        return True
    return item.get_closest_marker("data") is not None and not _data_path().is_dir()


def require_program(name: str) -> str:
    """Path of a program; skips the test, saying how to get it, where it is not installed."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed: `make test` installs it where apt is permitted")
    return found


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real image sets; skips where it is absent."""
    path = _data_path()
    if not path.is_dir():
        pytest.skip(f"no real images at {path}; set STRIPSIGHT_DATA")
    return path


def _data_path() -> Path:
    folder = os.environ.get("STRIPSIGHT_DATA")  # noqa: TID251 - a test may be told where its data is
    return Path(folder) if folder else ROOT.parent / "shared" / "data"
