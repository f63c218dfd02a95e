"""The mill's messages over MQTT: subscribed here, handed to the inspecting process.

Always a clean session: a pulse that a broker kept for us would be taken for one of now. What must
outlast an outage, the newest announcement and the newest head with its id, the mill retains.

paho runs the network in a thread of its own; its callbacks only parse and put, which never waits.
"""

import logging
import threading
from collections.abc import Callable
from random import SystemRandom

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.clock import Clock
from edge.config import MillMqtt
from edge.deliver.mqtt_link import EMBEDDED, new_client, why_refused, why_unreachable
from edge.metrics import CourierMetrics
from edge.mill.signals import MAX_BYTES, REASONS, RefusedSignalError, parse
from edge.mill.wire import SignalSender

BEAT_S = 1.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 5.0
SILENCE_NS = 1_000_000_000
_PROPERTIES: Callable[[int], Properties] = Properties  # paho leaves its constructor untyped
_log = logging.getLogger(__name__)


class MqttMill:
    """One broker; `run` belongs to one thread.

    Args:
        config: The broker and the topics.
        root: Topic root of this camera, for the client's id.
        sender: Takes the messages.
        metrics: The courier's.
        clock: So that a flood of bad messages does not fill the log.

    Raises:
        ConfigError: a file that the config names cannot be used.
    """

    def __init__(
        self,
        config: MillMqtt,
        root: str,
        sender: SignalSender,
        metrics: CourierMetrics,
        clock: Clock,
    ) -> None:
        self.name = config.name
        self._config = config
        self._client_id = f"{root}/{config.name}/mill".replace("/", "-")
        self._sender = sender
        self._metrics = metrics
        self._clock = clock
        self._said_ns = 0
        new_client(config, self._client_id)
        metrics.mill_source_up.labels(self.name).set(0)
        for reason in REASONS:
            metrics.mill_refused.labels(self.name, reason)

    def run(self, stop: threading.Event) -> None:
        """Listen until stopped, over every loss of the broker."""
        pause_s, told = FIRST_PAUSE_S, ""
        while not stop.is_set():
            session = _Session(self._config, self._client_id, self._on_message)
            why = session.open()
            if not why:
                _log.info("mill.mqtt %r: listens", self.name)
                pause_s, told, why = FIRST_PAUSE_S, "", self._stay(session, stop)
            session.close()
            self._metrics.mill_source_up.labels(self.name).set(0)
            if stop.is_set():
                return
            if why != told:
                _log.warning("mill.mqtt %r: %s", self.name, why)
            told = why
            self._wait(stop, pause_s * SystemRandom().uniform(0.5, 1.0), why)
            pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)

    def _stay(self, session: "_Session", stop: threading.Event) -> str:
        """Say each second that we are connected; why we no longer are."""
        self._metrics.mill_source_up.labels(self.name).set(1)
        while not stop.is_set():
            self._sender.linked(self.name, up=True)
            if session.lost.wait(BEAT_S):
                break
        return session.why

    def _wait(self, stop: threading.Event, pause_s: float, why: str) -> None:
        while pause_s > 0 and not stop.is_set():
            self._sender.linked(self.name, up=False, why=why)
            stop.wait(min(BEAT_S, pause_s))
            pause_s -= BEAT_S

    def _on_message(
        self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage
    ) -> None:
        if not message.payload:
            return  # a retained message is cleared so; it withdraws nothing that was said
        try:
            signal = parse(bytes(message.payload))
        except RefusedSignalError as refused:
            self._metrics.mill_refused.labels(self.name, refused.reason).inc()
            now_ns = self._clock.now().monotonic_ns
            if now_ns - self._said_ns >= SILENCE_NS:
                self._said_ns = now_ns
                _log.warning("mill.mqtt %r: %s: %s", self.name, _topic_of(message), refused)
        else:
            self._sender.put(self.name, signal, retained=message.retain)


def _topic_of(message: paho.MQTTMessage) -> str:
    """On one line. An exception in a callback would end paho's thread without a word."""
    try:
        return message.topic.encode("unicode_escape").decode()
    except UnicodeDecodeError:
        return "a topic that is no UTF-8"


class _Session:
    """One connection, from its CONNECT to its end."""

    def __init__(
        self, config: MillMqtt, client_id: str, on_message: paho.CallbackOnMessage
    ) -> None:
        self._config = config
        self._client = client = new_client(config, client_id)
        self._accepted = False
        self._answered = threading.Event()
        self.lost = threading.Event()
        """The connection is gone, or a topic was refused."""
        self.why = ""
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = on_message

    def open(self) -> str:
        """Connect and subscribe; why that failed, empty when it did not."""
        config, properties = self._config, None
        if self._client.protocol == paho.MQTTv5:
            properties = _PROPERTIES(PacketTypes.CONNECT)
            properties.MaximumPacketSize = 16 * MAX_BYTES
        host = "127.0.0.1" if config.host == EMBEDDED else config.host
        keepalive = max(2, round(config.timeout_s))
        try:
            self._client.connect(host, config.port, keepalive, properties=properties)
        except (OSError, ValueError) as error:
            return f"{config.host}:{config.port}: {why_unreachable(error)}"
        self._client.loop_start()
        if not self._answered.wait(config.timeout_s):
            return self.why or why_refused(config, None)
        return self.why

    def close(self) -> None:
        """Give the connection back, and paho's sockets with it: they go with the client, which its
        callbacks would keep.
        """
        client = self._client
        client.disconnect()
        client.loop_stop()
        client.on_connect = client.on_subscribe = client.on_disconnect = client.on_message = None

    def _fail(self, why: str) -> None:
        self.why = self.why or why
        self.lost.set()
        self._answered.set()

    def _on_connect(
        self,
        client: paho.Client,
        _userdata: object,
        _flags: paho.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._fail(why_refused(self._config, reason))
            return
        self._accepted = True
        result, _ = client.subscribe([(topic, 1) for topic in self._config.topics])
        if result != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._fail(f"the topics cannot be subscribed to ({paho.error_string(result)})")

    def _on_subscribe(
        self,
        _client: paho.Client,
        _userdata: object,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        refused = [
            topic
            for topic, reason in zip(self._config.topics, reasons, strict=False)
            if reason.is_failure
        ]
        if refused:
            self._fail(f"the broker refuses the topic {refused[0]!r}; check its rules")
        self._answered.set()

    def _on_disconnect(
        self,
        _client: paho.Client,
        _userdata: object,
        _flags: paho.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        lost = f"the connection was lost ({reason})"
        self._fail(lost if self._accepted else why_refused(self._config, None))
