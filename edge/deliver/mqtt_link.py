"""One MQTT connection from its CONNECT to its end; the next one gets a new paho client.

paho keeps a queue of its own over its reconnects, which would stand beside the ledger and repeat or
lose events behind its back. So its automatic reconnect is off, and a client whose connection is
gone is thrown away with everything in it.

Threads: paho runs the network in a thread of its own. Its callbacks only write one value under
`_changed` and notify; everything else is done by the threads that call this class. No lock of ours
is held while paho is called: paho calls back while it holds its own.
"""

import contextlib
import functools
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.config import Mqtt
from edge.deliver.flight import Flight
from edge.errors import ConfigError, ReceiverError

EMBEDDED = "embedded"
EVENT_CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
_GOODBYE_S = 2.0
_VERSION_REFUSED = {0x84, 0x01}
_LOGIN_REFUSED = {0x86, 0x87, 0x8C}


class Topics(NamedTuple):
    """The topics of one camera."""

    events: str
    live: str
    status: str

    @classmethod
    def below(cls, root: str) -> "Topics":
        """Those under `stripsight/<site>/<line>/<camera>`."""
        return cls(f"{root}/events", f"{root}/live", f"{root}/status")


class Client(paho.Client):
    """Tells of acknowledgements of messages that are not under way: paho ignores them silently."""

    on_stray: Callable[[int], None] | None = None

    def _handle_pubackcomp(self, cmd: Literal["PUBACK", "PUBCOMP"]) -> MQTTErrorCode:
        mid = int.from_bytes(self._in_packet["packet"][:2])
        with self._out_message_mutex:
            is_stray = mid not in self._out_messages
        if is_stray and self.on_stray is not None:
            self.on_stray(mid)
        return super()._handle_pubackcomp(cmd)


def name_of(reason: int) -> str:
    """What MQTT 5 calls a reason code of an acknowledgement."""
    return f"{_REASON_CODE(PacketTypes.PUBACK, identifier=reason)}, 0x{reason:02x}"


def new_client(config: Mqtt, client_id: str) -> Client:
    """A client that has never been connected.

    Raises:
        ConfigError: a file that the config names cannot be used.
    """
    embedded = config.host == EMBEDDED
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=config.client_id or client_id,
        protocol=paho.MQTTv311 if embedded or config.protocol == "3.1.1" else paho.MQTTv5,
        reconnect_on_failure=False,
    )
    client.max_inflight_messages_set(0)  # no limit: the window is counted by the receiver
    client.connect_timeout = config.timeout_s
    for path in (config.password_file, config.ca_file, config.cert_file, config.key_file):
        if path is not None and not path.is_file():
            raise ConfigError(f"deliver.mqtt {config.name!r}: {path}: no such file")
    try:
        if config.username is not None:
            secret = config.password_file
            password = secret.read_text("utf-8").rstrip("\r\n") if secret else None
            client.username_pw_set(config.username, password)
        if config.ca_file is not None:
            client.tls_set(str(config.ca_file), _text(config.cert_file), _text(config.key_file))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"deliver.mqtt {config.name!r}: password_file, ca_file, cert_file or key_file cannot be"
            f" used ({error})"
        ) from error
    return client


def why_unreachable(error: Exception) -> str:
    """A connection that was not made, and what to check."""
    if isinstance(error, ssl.SSLError):
        return f"no TLS connection ({error}); check ca_file, cert_file and the broker's name"
    return f"no MQTT broker answers ({error}); check host and port, and that it runs"


def why_refused(config: Mqtt, reason: ReasonCode | None) -> str:
    """A CONNECT that was refused, or never answered (None), and what to check."""
    if reason is None:
        cure = (
            "check cert_file and key_file: the broker may not know them"
            if config.ca_file
            else "if the broker expects TLS, set ca_file"
        )
        return (
            f"connected, but no MQTT answer came; {cure}; else check the port, and set"
            " protocol: 3.1.1 for an old broker"
        )
    if reason.value in _LOGIN_REFUSED:
        return f"the broker refuses us ({reason}); check username, password_file and client_id"
    if reason.value in _VERSION_REFUSED:
        return f"the broker refuses us ({reason}); set protocol: 3.1.1"
    return f"the broker refuses us ({reason})"


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


_PROPERTIES: Callable[[int], Properties] = Properties  # paho leaves its constructor untyped
_REASON_CODE: Callable[..., ReasonCode] = ReasonCode  # this one too


@functools.cache
def _properties_of(kind: str) -> Properties:
    """Of one kind of event, packed once: doing it anew for each event made a third of its cost."""
    properties = _PROPERTIES(PacketTypes.PUBLISH)
    properties.UserProperty = ("kind", kind)
    properties.ContentType = EVENT_CONTENT_TYPE
    pack: Callable[[], bytes] = properties.pack
    packed = pack()
    object.__setattr__(properties, "pack", lambda: packed)
    return properties


class Link:
    """A connection to a broker.

    Args:
        config: The broker.
        client: From `new_client`, not used before.
        will: Topic and body that the broker publishes, retained, when the connection breaks.
    """

    def __init__(self, config: Mqtt, client: paho.Client, will: tuple[str, bytes]) -> None:
        self._config = config
        self._client = client
        self._will = will
        self._where = f"deliver.mqtt {config.name!r}: {config.host}:{config.port}"
        self._changed = threading.Condition()
        self._answer: tuple[ReasonCode, Properties | None] | None = None
        self._lost: str | None = None
        self.flight: Flight | None = None
        """Who is told of acknowledgements; also of messages at QoS 0, which the client reports too.
        """
        self.tried = False
        """Whether an event was sent on it."""
        self.receive_maximum = 65535
        """Unacknowledged events that the broker bears (MQTT 5 Receive Maximum)."""

    def open(self) -> None:
        """Connect and wait for the broker's answer.

        Raises:
            ReceiverError: nobody there, or refused; the text says what to check.
        """
        client, config = self._client, self._config
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.will_set(*self._will, qos=1, retain=True)
        host = "127.0.0.1" if config.host == EMBEDDED else config.host
        try:
            client.connect(host, config.port, keepalive=max(2, round(config.timeout_s)))
            if (connected := self._socket()) is not None:
                # Nagle's algorithm would keep an event until the broker's kernel acknowledges the
                # `live` before it, which has no answer to come with: 40 ms later.
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except (OSError, ValueError) as error:
            raise ReceiverError(f"{self._where}: {why_unreachable(error)}") from error
        client.loop_start()
        with self._changed:
            self._changed.wait_for(lambda: self._answer or self._lost, config.timeout_s)
            answer = self._answer
        if answer is None or answer[0].is_failure:
            self.abandon()
            raise ReceiverError(f"{self._where}: {why_refused(config, answer and answer[0])}")
        self.receive_maximum = getattr(answer[1], "ReceiveMaximum", self.receive_maximum)

    def send(self, topic: str, body: bytes, kind: str) -> int:
        """Publish at QoS 1; returns the message id that its acknowledgement will name.

        Raises:
            ReceiverError: the connection is gone.
        """
        try:
            info = self._client.publish(topic, body, qos=1, properties=self._properties(kind))
        except ValueError as error:
            raise ReceiverError(
                f"{self._where}: {topic!r} cannot be published ({error})"
            ) from error
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise ReceiverError(f"{self._where}: {paho.error_string(info.rc)}")
        return info.mid

    def post(self, topic: str, body: bytes, kind: str = "", *, retain: bool = False) -> None:
        """Publish at QoS 0: lost when the connection is. Any thread; never waits, never fails.

        `kind` is an event's; empty for what is none.
        """
        self._client.publish(topic, body, 0, retain, self._properties(kind) if kind else None)

    def _properties(self, kind: str) -> Properties | None:
        return _properties_of(kind) if self._client.protocol == paho.MQTTv5 else None

    def check(self) -> None:
        """Whether it still stands.

        Raises:
            ReceiverError: it does not.
        """
        if self._lost is not None:
            raise ReceiverError(f"{self._where}: {self._lost}")

    @property
    def alive(self) -> bool:
        """Whether the connection stands, as far as is known."""
        return self._lost is None

    def close(self, last_status: bytes) -> None:
        """Say good-bye: the last status, then DISCONNECT, which makes the broker drop the will."""
        info = self._client.publish(self._will[0], last_status, qos=1, retain=True)
        with contextlib.suppress(RuntimeError, ValueError):
            info.wait_for_publish(_GOODBYE_S)
        if not info.is_published():
            self.abandon()
            return
        self._client.disconnect()
        self._end()

    def abandon(self) -> None:
        """Drop the connection without a word: the broker publishes the will."""
        if (connected := self._socket()) is not None:
            with contextlib.suppress(OSError):
                # paho's thread ends only when its queue is empty or its socket broken.
                connected.shutdown(socket.SHUT_RDWR)
        self._end()

    def _socket(self) -> socket.socket | None:
        found = self._client.socket()
        return found if isinstance(found, socket.socket) else None

    def _end(self) -> None:
        """Give paho's sockets back: they go with the client, which its callbacks would keep."""
        client = self._client
        client.loop_stop()
        client.on_connect = client.on_disconnect = client.on_publish = None

    def _on_connect(
        self,
        _client: paho.Client,
        _userdata: object,
        _flags: paho.ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        with self._changed:
            self._answer = (reason, properties)
            self._changed.notify_all()

    def _on_disconnect(
        self,
        _client: paho.Client,
        _userdata: object,
        _flags: paho.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        with self._changed:
            self._lost = f"the connection was lost ({reason})"
            self._changed.notify_all()

    def _on_publish(
        self,
        _client: paho.Client,
        _userdata: object,
        mid: int,
        reason: ReasonCode,
        _properties: Properties,
    ) -> None:
        flight = self.flight
        if flight is not None:
            flight.acknowledge(mid, reason.value)
