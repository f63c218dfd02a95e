"""The package's commands as programs, for scripts that call them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


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
