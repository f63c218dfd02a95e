"""Which tests want the machine to themselves; the package's commands as programs, for scripts."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

ALONE = frozenset({"acquire", "bench", "line"})
"""Folders whose tests hold a whole line or a camera against the clock."""


def pytest_itemcollected(item: pytest.Item) -> None:
    if ALONE.intersection(item.path.relative_to(ROOT / "tests" / "integration").parts):
        item.add_marker("alone")


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's commands are found."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, room in (("train", "training"), ("export", "export"), ("edge", "edge")):
        command = folder / f"stripsight-{name}"
        run = f"import sys; sys.argv[0] = '{command.name}'; from {room}.cli import main; main()"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{run}" "$@"\n')
        command.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def refused_by(*command: object) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    return done.stderr


def said_by(*command: object) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
