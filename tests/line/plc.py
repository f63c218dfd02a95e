"""OPC UA servers in processes that a test starts, kills and watches: a PLC (`plc_server.py` is what
runs in it), and the mill's own (`mill_server.py`).
"""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from asyncua import Client, ua

from tests.conftest import ROOT
from tests.waiting import free_port, wait_for

TAKEN, SESSIONS, HALT = "taken.jsonl", "sessions.log", "halt"


def lines(log: Path) -> list[dict[str, Any]]:
    """The JSON lines of a file, but for one that a kill tore."""
    if not log.exists():
        return []
    whole, _, _torn = log.read_text().rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


class ServerProcess:
    """One server; its port and its files outlive it."""

    module = ""

    def __init__(self, folder: Path, **settings: object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port = folder, free_port()
        self._settings = folder / "server.json"
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
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module, str(self._settings)],
                cwd=ROOT, stdout=log, stderr=log,
            )  # fmt: skip
        wait_for(self._listens, "the server listens", 240)

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

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "server.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Plc(ServerProcess):
    """A PLC with a program that takes defects."""

    module = "tests.line.plc_server"

    def halt(self) -> None:
        """Stop the user program, not the server."""
        (self.folder / HALT).touch()

    def go(self) -> None:
        (self.folder / HALT).unlink()

    def read(self, word: str) -> Any:  # noqa: ANN401 - of the word's type
        """As the operator's panel reads it, by a session of its own."""
        return asyncio.run(self._panel(word, None))

    def write(self, word: str, value: int) -> None:
        """As somebody at the panel does."""
        asyncio.run(self._panel(word, value))

    async def _panel(self, word: str, value: int | None) -> object:
        async with Client(self.endpoint) as client:
            node = client.get_node(f"ns=2;s=StripSight.{word}")
            if value is not None:
                await node.write_value(ua.DataValue(ua.Variant(value, ua.VariantType.UInt32)))
            return await node.read_value()

    def taken(self) -> list[dict[str, Any]]:
        """The slots that its program took, in order."""
        return lines(self.folder / TAKEN)

    def sessions(self) -> list[str]:
        """What became of sessions: `created, 1 in use`, `ended`, `refused`."""
        log = self.folder / SESSIONS
        return log.read_text().splitlines() if log.exists() else []


class MillServer(ServerProcess):
    """The mill's server; `values` are its nodes, `ns=2;s=<name>`, and what they hold at a start;
    `later` those that are made by `add_later`, `short` a service that answers with too few results.
    """

    module = "tests.line.mill_server"

    def __init__(
        self,
        folder: Path,
        values: Mapping[str, object],
        later: Mapping[str, object] | None = None,
        short: str = "",
    ) -> None:
        super().__init__(folder, values=dict(values), later=dict(later or {}), short=short)

    def tell(self, status: int = 0, /, **values: object) -> None:
        """Have nodes hold something else, one after the other, with a status; it is there when this
        returns.
        """
        asyncio.run(self._tell(status, values))

    def add_later(self) -> None:
        """Have the server make the nodes that were not there."""
        assert self._process is not None
        self._process.send_signal(signal.SIGUSR1)

    async def _tell(self, status: int, values: Mapping[str, object]) -> None:
        async with Client(self.endpoint) as client:
            for name, value in values.items():
                node = client.get_node(f"ns=2;s={name}")
                kind = await node.read_data_type_as_variant_type()
                held = ua.Variant(value, kind) if status == 0 else None
                code = ua.StatusCode(ua.UInt32(status))
                await node.write_value(ua.DataValue(held, StatusCode=code))
