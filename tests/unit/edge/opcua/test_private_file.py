"""Files that nobody but the line may read."""

import os
from pathlib import Path

import pytest

from edge.opcua.private_file import write_private


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The line's own: another user's than root's, where root runs the test."""
    os.chown(tmp_path, _line(), -1)
    return tmp_path


def _line() -> int:
    return 4711 if os.geteuid() == 0 else os.geteuid()


def test_a_new_one_belongs_to_whom_its_folder_belongs(folder: Path) -> None:
    write_private(folder / "users", b"scada")
    found = (folder / "users").stat()
    assert (found.st_uid, found.st_mode & 0o777) == (_line(), 0o600)


def test_one_that_is_replaced_keeps_its_owner(folder: Path) -> None:
    (folder / "users").write_bytes(b"old")
    os.chown(folder / "users", _line(), -1)
    os.chown(folder, os.geteuid(), -1)
    write_private(folder / "users", b"new")
    assert (folder / "users").read_bytes() == b"new"
    assert (folder / "users").stat().st_uid == _line()
    assert [path.name for path in folder.iterdir()] == ["users"]
