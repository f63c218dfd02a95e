"""Each drill once: every planted defect is recorded, or lies in a stretch told as not inspected."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drills.drills import DRILLS, run_drill

MOUNT = {"ledger_disk_full", "three_in_the_morning"}
ALL_TOGETHER_S = 360.0


@pytest.fixture(scope="module")
def took_s() -> Iterator[dict[str, float]]:
    """Seconds of each drill that this process ran; together they must not be too many."""
    took_s: dict[str, float] = {}
    yield took_s
    assert sum(took_s.values()) <= ALL_TOGETHER_S, took_s


@pytest.mark.integration
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.mount if n in MOUNT else ()) for n in DRILLS]
)
def test_every_planted_defect_is_recorded_or_told_unseen(
    name: str, tmp_path: Path, took_s: dict[str, float], capsys: pytest.CaptureFixture[str]
) -> None:
    start_s = time.monotonic()
    try:
        found = run_drill(name, tmp_path, 1, 1)
    except PermissionError as error:
        pytest.skip(str(error))
    finally:
        took_s[name] = time.monotonic() - start_s
    with capsys.disabled():
        print(f" {name} {took_s[name]:.1f} s ", end="", flush=True)  # noqa: T201 - for CI's log
    assert (found.missed, found.invented, found.broken) == ((), (), ())
    assert found.recorded
    assert found.coils > 3
