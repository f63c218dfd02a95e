"""A real mosquitto on a free port that a test can stop and start, and a real courier process."""

import itertools
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.ledger.log import EventLog
from tests.conftest import ROOT, require_program
from tests.line.broker import Broker
from tests.unit.edge.ledger.making import SOURCE, SetClock
from tests.waiting import free_port

TOPIC = "stripsight/mill/hot/top"
PATIENCE_S = 20.0
PROPERTIES: Callable[[int], Properties] = Properties
_NUMBERS = itertools.count()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Message:
    topic: str
    payload: bytes
    retain: bool
    kind: str | None
    came_s: float
    raw: paho.MQTTMessage


class Subscriber:
    """A consumer with a session that outlives its connection, as a mill should have it."""

    def __init__(
        self, port: int, protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5
    ) -> None:
        self.messages: list[Message] = []
        self._subscribed = threading.Event()
        name, five = f"consumer-{next(_NUMBERS)}", protocol == MQTTProtocolVersion.MQTTv5
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, name, None if five else False, protocol=protocol
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(f"{TOPIC}/#", 1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        self._client.on_disconnect = lambda *_: self._subscribed.clear()
        if five:
            session = PROPERTIES(PacketTypes.CONNECT)
            session.SessionExpiryInterval = 3600
            self._client.connect("127.0.0.1", port, clean_start=False, properties=session)
        else:
            self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self.wait_subscribed()

    def wait_subscribed(self) -> None:
        assert self._subscribed.wait(PATIENCE_S)

    def on(self, name: str) -> list[Message]:
        return [m for m in self.messages if m.topic == f"{TOPIC}/{name}"]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        properties = getattr(message.properties, "UserProperty", [])
        kind = dict(properties).get("kind")
        body, came_s = bytes(message.payload), time.monotonic()
        self.messages.append(Message(message.topic, body, message.retain, kind, came_s, message))


@dataclass
class Line:
    """A ledger with its writer, and a config whose courier delivers it."""

    folder: Path
    port: int
    config: Path = field(init=False)
    metrics_port: int = field(init=False)
    log: EventLog = field(init=False)

    def __post_init__(self) -> None:
        self.metrics_port = free_port()
        self.config = self.folder / "config.yaml"
        self.configure()
        self.begin_log()

    def begin_log(self) -> None:
        self.log = EventLog(
            self.folder / "ledger", SOURCE, SetClock(), self.folder / "run", reserve_bytes=0
        )
        self.log.open()

    def configure(self, **mqtt: object) -> None:
        settings = {"host": "127.0.0.1", "port": self.port, "timeout_s": 1.0} | mqtt
        lines = "".join(f"      {key}: {value}\n" for key, value in settings.items())
        self.config.write_text(
            "site: mill\nline: hot\ncamera: top\nbundle: b\nrun_path: run\n"
            "source: {kind: simulated}\noptics: {mm_per_px_along: 1, mm_per_px_across: 1}\n"
            "position: {kind: lines}\ncoils: {width_mm: 1200}\nledger: {path: ledger}\n"
            f"metrics: {{courier_port: {self.metrics_port}}}\n"
            f"deliver:\n  mqtt:\n    -\n{lines}"
        )


class Configured(Protocol):
    """A line's folder and the config in it."""

    folder: Path
    config: Path


class CourierProcess:
    """`run_courier` in a process of its own, as the supervisor starts it."""

    _PROGRAM = (
        "import logging, signal, sys, threading\n"
        "from pathlib import Path\n"
        "from edge.config import load_config\n"
        "from edge.deliver.courier import run_courier\n"
        "stop = threading.Event()\n"
        "signal.signal(signal.SIGTERM, lambda *_: stop.set())\n"
        "logging.basicConfig(level='INFO', format='%(levelname)s %(message)s')\n"
        "run_courier(load_config(Path(sys.argv[1])), None, stop)\n"
    )

    def __init__(self, line: Configured) -> None:
        self._log = line.folder / "courier.log"
        with self._log.open("ab") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-c", self._PROGRAM, str(line.config)],
                cwd=ROOT,
                stderr=stream,
            )

    def log(self) -> str:
        return self._log.read_text()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(PATIENCE_S)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    mosquitto = Broker(tmp_path)
    mosquitto.start()
    yield mosquitto
    mosquitto.stop()


def certify(folder: Path, name: str, subject: str, *extra: str) -> None:
    """A key and a certificate signed by `ca`, or by itself."""
    subprocess.run(
        [
            require_program("openssl"), "req", "-x509", "-newkey", "ec",
            "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.crt",
            "-subj", f"/CN={subject}", *extra,
        ],
        check=True, capture_output=True,
    )  # fmt: skip


@pytest.fixture
def tls_broker(tmp_path: Path) -> Iterator[Broker]:
    signed = ("-CA", f"{tmp_path}/ca.crt", "-CAkey", f"{tmp_path}/ca.key")
    certify(tmp_path, "ca", "mill CA")
    certify(tmp_path, "other", "another CA")
    certify(tmp_path, "server", "broker", *signed, "-addext", "subjectAltName=IP:127.0.0.1")
    certify(tmp_path, "client", "line 1", *signed)
    broker = Broker(
        tmp_path,
        f"allow_anonymous true\ncafile {tmp_path}/ca.crt\ncertfile {tmp_path}/server.crt\n"
        f"keyfile {tmp_path}/server.key\nrequire_certificate true",
    )
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def line(tmp_path: Path, broker: Broker) -> Iterator[Line]:
    made = Line(tmp_path, broker.port)
    yield made
    made.log.close()


@pytest.fixture
def start_courier() -> Iterator[Callable[[Line], CourierProcess]]:
    started: list[CourierProcess] = []

    def start(line: Line) -> CourierProcess:
        started.append(CourierProcess(line))
        return started[-1]

    yield start
    for courier in started:
        if courier.process.poll() is None:
            courier.kill()


@pytest.fixture
def subscribe() -> Iterator[Callable[..., Subscriber]]:
    started: list[Subscriber] = []

    def start(port: int, **options: MQTTProtocolVersion) -> Subscriber:
        started.append(Subscriber(port, **options))
        return started[-1]

    yield start
    for subscriber in started:
        subscriber.close()
