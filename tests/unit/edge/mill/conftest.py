from pathlib import Path

import pytest

from tests.unit.edge.mill.passage import empty_ledger


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_ledger(tmp_path_factory.mktemp("mill"))
