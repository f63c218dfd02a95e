"""The mill's messages from a real mosquitto, also one that goes away, or refuses."""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from edge.clock import SystemClock
from edge.config import MillMqtt
from edge.deliver.mill_mqtt import MqttMill
from edge.metrics import CourierMetrics
from edge.mill.heard import Heard, LinkSignal
from edge.mill.signals import CoilSignal, HeadSignal, SpeedSignal
from edge.mill.wire import SignalReceiver, SignalSender
from tests.line.broker import Broker
from tests.line.mill_signals import TOPIC, MillSignals
from tests.waiting import wait_for

pytestmark = pytest.mark.integration


class Listening:
    """An adapter in a thread, and all that the inspecting process is told."""

    def __init__(self, folder: Path, config: MillMqtt) -> None:
        self.heard: list[Heard] = []
        self.registry = CollectorRegistry()
        metrics, clock = CourierMetrics(self.registry), SystemClock()
        self._receiver = SignalReceiver(folder)
        self._sender = SignalSender(folder, clock, metrics)
        self._mill = MqttMill(config, "stripsight/s/l/c", self._sender, metrics, clock)
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._mill.run, args=(self._stop,)),
                         threading.Thread(target=self._listen)]  # fmt: skip
        for thread in self._threads:
            thread.start()

    def _listen(self) -> None:
        while not self._stop.is_set():
            self._sender.turn()
            if (heard := self._receiver.take(0.05)) is not None:
                self.heard.append(heard)

    def links(self) -> list[LinkSignal]:
        return [h.signal for h in list(self.heard) if isinstance(h.signal, LinkSignal)]

    def said(self) -> list[Heard]:
        return [h for h in list(self.heard) if not isinstance(h.signal, LinkSignal)]

    def up(self) -> bool:
        links = self.links()
        return bool(links) and links[-1].up

    def refused(self, reason: str) -> float:
        labels = {"source": "level2", "reason": reason}
        return self.registry.get_sample_value("stripsight_mill_refused_total", labels) or 0

    def close(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()
        self._receiver.close()
        self._sender.close()


def config_for(port: int, **changes: object) -> MillMqtt:
    settings = {"name": "level2", "host": "127.0.0.1", "port": port, "timeout_s": 1,
                "topics": [f"{TOPIC}/#"]}  # fmt: skip
    return MillMqtt.model_validate(settings | changes)


@pytest.fixture
def listen(tmp_path: Path) -> Iterator[Callable[[MillMqtt], Listening]]:
    with ExitStack() as opened:
        yield lambda config: opened.enter_context(closing(Listening(tmp_path / "run", config)))


@contextmanager
def restarted(broker: Broker) -> Iterator[None]:
    broker.stop()
    yield
    broker.start()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_messages_come_live_and_retained(
    broker: Broker, listen: Callable[[MillMqtt], Listening], protocol: str
) -> None:
    with closing(MillSignals(broker.port)) as mill:
        mill.announce("A")
        line = listen(config_for(broker.port, protocol=protocol))
        wait_for(line.up, "connected")
        mill.say("head")
        mill.send("speed", b'{"signal": "speed", "m_per_s": "fast"}')
        mill.say("speed", m_per_s=2.0)
        wait_for(lambda: len(line.said()) == 3, "all of them")
    told = [(heard.signal, heard.retained) for heard in line.said()]
    assert told == [
        (CoilSignal(id="A"), True),
        (HeadSignal(), False),
        (SpeedSignal(m_per_s=2), False),
    ]
    assert {heard.source for heard in line.said()} == {"level2"}
    assert line.refused("impossible_speed") == 1


def test_a_broker_that_goes_and_comes_is_said_and_listened_to_again(
    broker: Broker, listen: Callable[[MillMqtt], Listening]
) -> None:
    line = listen(config_for(broker.port))
    wait_for(line.up, "connected")
    with restarted(broker):
        wait_for(lambda: not line.up(), "the loss is told")
        assert line.links()[-1].why
    wait_for(line.up, "connected again")
    with closing(MillSignals(broker.port)) as mill:
        mill.head("A")
        wait_for(line.said, "what the mill says then")


def test_a_broker_that_refuses_us_says_why(
    tmp_path: Path, listen: Callable[[MillMqtt], Listening], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)  # whatever a library has left the process's level at
    broker = Broker(tmp_path, "allow_anonymous false")
    broker.start()
    try:
        line = listen(config_for(broker.port))
        wait_for(line.links, "a word of it")
        assert not line.up()
        assert "check username, password_file and client_id" in line.links()[-1].why
        assert "check username" in caplog.text
    finally:
        broker.stop()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_topic_that_the_broker_refuses_is_named(
    tmp_path: Path, listen: Callable[[MillMqtt], Listening], protocol: str
) -> None:
    """Mosquitto's own rules refuse none (they hold messages back); those of its plugin do."""
    plugin = next(Path("/usr/lib").glob("**/mosquitto_dynamic_security.so"), None)
    if plugin is None:
        pytest.skip("mosquitto has no plugin for dynamic security here")
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps({"defaultACLAccess": {"subscribe": False}}))
    broker = Broker(
        tmp_path, f"allow_anonymous true\nplugin {plugin}\nplugin_opt_config_file {rules}"
    )
    broker.start()
    try:
        line = listen(config_for(broker.port, protocol=protocol))
        wait_for(line.links, "a word of it")
        assert not line.up()
        assert line.links()[-1].why == (
            f"the broker refuses the topic '{TOPIC}/#'; check its rules"
        )
    finally:
        broker.stop()


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"ca_file": "other.crt"}, "check ca_file"),
        ({"ca_file": "ca.crt", "cert_file": "other.crt", "key_file": "other.key"},
         "check cert_file and key_file"),
        ({}, "if the broker expects TLS, set ca_file"),
    ],
)  # fmt: skip
def test_a_wrong_certificate_is_told_and_lets_nobody_in(
    tmp_path: Path, tls_broker: Broker, listen: Callable[[MillMqtt], Listening],
    files: dict[str, str], why: str,
) -> None:  # fmt: skip
    shown = {name: tmp_path / file for name, file in files.items()}
    line = listen(config_for(tls_broker.port, **shown))
    wait_for(line.links, "a word of it")
    assert not line.up()
    assert why in line.links()[-1].why


def test_both_sides_show_their_certificate(
    tmp_path: Path, tls_broker: Broker, listen: Callable[[MillMqtt], Listening]
) -> None:
    line = listen(
        config_for(
            tls_broker.port,
            ca_file=tmp_path / "ca.crt",
            cert_file=tmp_path / "client.crt",
            key_file=tmp_path / "client.key",
        )
    )
    wait_for(line.up, "connected")
