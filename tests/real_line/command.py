"""The workstation's commands as a user runs them, in a process of their own."""

import subprocess
import sys

from tests.conftest import ROOT


def call(package: str, *words: str) -> None:
    """Run `stripsight-train` (package `training`) or `stripsight-export` (`export`).

    Raises:
        CalledProcessError: it ended with another exit code than 0; its output is on the terminal.
    """
    name = {"training": "stripsight-train", "export": "stripsight-export"}[package]
    code = f"import sys; sys.argv[0] = {name!r}; from {package}.cli import main; main()"
    subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, check=True)
