"""Each drill once: every planted defect is recorded, or lies in a stretch told as not inspected."""

from pathlib import Path

import pytest

from tests.drills.drills import DRILLS

MOUNT = {"ledger_disk_full"}


@pytest.mark.integration
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.mount if n in MOUNT else ()) for n in DRILLS]
)
def test_every_planted_defect_is_recorded_or_told_unseen(name: str, tmp_path: Path) -> None:
    try:
        found = DRILLS[name](tmp_path, 1, 1)
    except PermissionError as error:
        pytest.skip(str(error))
    assert (found.missed, found.invented, found.broken) == ((), (), ())
    assert found.recorded
    assert found.coils > 3
