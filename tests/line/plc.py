"""A PLC's process that a test starts, kills and watches; `plc_server.py` is what runs in it."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from tests.conftest import ROOT
from tests.waiting import free_port, wait_for

TAKEN, SESSIONS, HALT = "taken.jsonl", "sessions.log", "halt"


def lines(log: Path) -> list[dict[str, Any]]:
    """The JSON lines of a file, but for one that a kill tore."""
    if not log.exists():
        return []
    whole, _, _torn = log.read_text().rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


class Plc:
    """A PLC's process; its port and what it has taken outlive it."""

    def __init__(self, folder: Path, **settings: object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port = folder, free_port()
        self._settings = folder / "plc.json"
        self._settings.write_text(
            json.dumps({"port": self.port, "folder": str(folder), **settings})
        )
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()

    @property
    def endpoint(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}"

    def start(self) -> None:
        with (self.folder / "plc.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.line.plc_server", str(self._settings)],
                cwd=ROOT, stdout=log, stderr=log,
            )  # fmt: skip
        wait_for(self._listens, "the PLC listens", 60)

    def kill(self) -> None:
        """By SIGKILL: its memory is gone, but for what it retains."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def halt(self) -> None:
        """Stop the user program, not the server."""
        (self.folder / HALT).touch()

    def go(self) -> None:
        (self.folder / HALT).unlink()

    def taken(self) -> list[dict[str, Any]]:
        """The slots that its program took, in order."""
        return lines(self.folder / TAKEN)

    def sessions(self) -> list[str]:
        """What became of sessions: `created, 1 in use`, `ended`, `refused`."""
        log = self.folder / SESSIONS
        return log.read_text().splitlines() if log.exists() else []

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "plc.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
