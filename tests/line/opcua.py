"""A line with an OPC UA server, its clients' certificates, and the two clients that tests use:
asyncua's, and node-opcua's in a process of its own.
"""

import asyncio
import json
import queue
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from asyncua import Client, Node
from asyncua.crypto.security_policies import (
    SecurityPolicyAes128Sha256RsaOaep,
    SecurityPolicyAes256Sha256RsaPss,
    SecurityPolicyBasic256Sha256,
)
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import JsonValue

from edge.clock import SystemClock
from edge.deliver.opcua.users import add_user
from edge.ledger.log import EventLog
from edge.opcua.certificates import make_certificate, read_certificate
from tests.conftest import ROOT, require_program
from tests.line.daemon import write_config
from tests.unit.edge.ledger.making import SOURCE
from tests.waiting import free_port

NODE = ROOT / "tests" / "node"
USER, PASSWORD = "plc", "a long password"
CLIENT_URI = "urn:test:client"
URI = "urn:stripsight:plc-block"
PATIENCE_S = 20.0
POLICIES: dict[str, Any] = {
    "Basic256Sha256": SecurityPolicyBasic256Sha256,
    "Aes128_Sha256_RsaOaep": SecurityPolicyAes128Sha256RsaOaep,
    "Aes256_Sha256_RsaPss": SecurityPolicyAes256Sha256RsaPss,
}


class OpcUaLine:
    """A folder with a config whose courier serves OPC UA; `trusted` clients are in its folder."""

    def __init__(
        self, folder: Path, sections: Mapping[str, Any] | None = None, **server: object
    ) -> None:
        self.folder = folder
        self.port = free_port()
        opcua = folder / "opcua"
        self.server_certificate = opcua / "own.der"
        self.trusted = opcua / "trusted"
        self.trusted.mkdir(parents=True)
        make_certificate(
            self.server_certificate, opcua / "own.pem", "urn:test:server", ["127.0.0.1"], 30,
            SystemClock(),
        )  # fmt: skip
        add_user(opcua / "users", USER, PASSWORD)
        settings = {
            "port": self.port, "certificate": "opcua/own.der", "key": "opcua/own.pem",
            "trusted": "opcua/trusted", "users": "opcua/users", "connections_per_s": 1000, **server,
        }  # fmt: skip
        more = dict(sections or {})
        deliver = {"opcua_server": settings, **more.pop("deliver", {})}
        self.mqtt_port: int = deliver.get("mqtt", [{"port": 0}])[0]["port"]
        base = {"bundle": "none", "source": {"kind": "simulated"}, "coils": {"width_mm": 1200}}
        self.config = write_config(folder, {**base, "deliver": deliver, **more})
        self.client_certificate = self.make_client("client")

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}/"

    def make_client(self, name: str, *, trusted: bool = True) -> Path:
        """A client's certificate, its key beside it."""
        made = self.folder / f"{name}.der"
        make_certificate(
            made, made.with_suffix(".pem"), CLIENT_URI, ["localhost"], 30, SystemClock()
        )
        if trusted:
            self.trust(made)
        return made

    def trust(self, certificate: Path) -> None:
        der = read_certificate(certificate).public_bytes(Encoding.DER)
        (self.trusted / certificate.name).write_bytes(der)

    def ledger(self) -> EventLog:
        """The event log's writer, in the place of the inspecting process."""
        log = EventLog(
            self.folder / "ledger", SOURCE, SystemClock(), self.folder / "run", reserve_bytes=0
        )
        log.open()
        return log

    async def client(
        self,
        certificate: Path | None = None,
        user: str | None = USER,
        password: str = PASSWORD,
        policy: str = "Basic256Sha256",
        port: int | None = None,
    ) -> Client:
        """A client of asyncua, set up and not yet connected."""
        mine = certificate or self.client_certificate
        client = Client(f"opc.tcp://127.0.0.1:{port or self.port}/", timeout=10)
        client.application_uri = CLIENT_URI
        client.session_timeout = 30_000
        if policy != "None":
            await client.set_security(
                POLICIES[policy], mine, mine.with_suffix(".pem"),
                server_certificate=str(self.server_certificate),
            )  # fmt: skip
        if user is not None:
            client.set_user(user)
            client.set_password(password)
        return client

    def node(self, certificate: Path | None = None, **options: object) -> "NodeClient":
        """A client of node-opcua, set up and not yet connected."""
        mine = certificate or self.client_certificate
        secure = options.get("policy") != "None"
        files = {
            "certificateFile": str(_as_pem(mine)),
            "privateKeyFile": str(mine.with_suffix(".pem")),
        }
        return NodeClient(
            {
                "url": self.url, "uri": CLIENT_URI, "policy": "Basic256Sha256", "user": USER,
                "password": PASSWORD, "pki": str(self.folder / "pki"), **(files if secure else {}),
                **options,
            }
        )  # fmt: skip


class Changes:
    """What an asyncua subscription notifies, by path."""

    def __init__(self) -> None:
        self.newest: dict[str, Any] = {}
        self.all: list[tuple[str, Any]] = []
        self._event = asyncio.Event()

    def datachange_notification(self, node: Node, value: object, _data: object) -> None:
        path = str(node.nodeid.Identifier)
        self.newest[path] = value
        self.all.append((path, value))
        self._event.set()

    async def wait_for(self, path: str, value: object) -> None:
        """Return when the path's newest value is that one."""
        async with asyncio.timeout(PATIENCE_S):
            while self.newest.get(path) != value:
                self._event.clear()
                await self._event.wait()


class NodeClient:
    """`tests/node/client.js`: a request a line in, an answer or a notification a line out."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        if not (NODE / "node_modules").exists():
            pytest.skip("node-opcua is not installed: `make test` installs it where npm is there")
        self.options = options
        self._answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.changes: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self.events: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            [require_program("node"), str(NODE / "client.js")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(PATIENCE_S)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def connect(self) -> object:
        """Open a session."""
        return self.ask("connect", **self.options)

    def ask(self, action: str, timeout_s: float = 60, **arguments: object) -> JsonValue:
        """What the client answers.

        Raises:
            RuntimeError: it failed; the text is node-opcua's.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"action": action, **arguments}) + "\n")
        self._process.stdin.flush()
        answer = self._answers.get(timeout=timeout_s)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer.get("result")

    def wait_for(self, path: str, value: object) -> None:
        """Return when a notification brings that value."""
        while (seen := self.changes.get(timeout=PATIENCE_S)) != (path, value):
            del seen

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if not line.startswith("{"):
                continue
            said = json.loads(line)
            if "change" in said:
                self.changes.put((said["change"], said["value"]))
            elif "event" in said:
                self.events.put(said["event"])
            else:
                self._answers.put(said)
        self._answers.put({"error": "the client has ended"})


def _as_pem(certificate: Path) -> Path:
    pem = certificate.with_suffix(".crt")
    pem.write_bytes(read_certificate(certificate).public_bytes(Encoding.PEM))
    return pem
