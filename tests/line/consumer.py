"""A consumer as a mill's control system would write it: it keeps the last `seq` it committed."""

import itertools
import json
import threading
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.line.published import check
from tests.waiting import wait_for

SESSION_S = 3600
SAMPLES = 20
"""Messages of each kind that are held against the contract: one takes a millisecond."""
_PROPERTIES: Callable[[int], Properties] = Properties  # paho leaves its constructor untyped


class Consumer:
    """Subscribes with QoS 1 and a session that outlives the connection.

    `events` are those taken in order; `duplicates` were delivered again and had no effect;
    `gaps` are pairs (expected, got).
    """

    def __init__(self, port: int, topic: str) -> None:
        self.events: list[dict[str, Any]] = []
        self.duplicates = 0
        self.gaps: list[tuple[int, int]] = []
        self._samples: dict[str, list[mqtt.MQTTMessage]] = {}
        self._topic = topic
        self._subscribed = threading.Event()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id="consumer", protocol=mqtt.MQTTv5
        )
        self._client.on_connect = self._connected
        self._client.on_message = self._take
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.reconnect_delay_set(1, 1)
        session = _PROPERTIES(PacketTypes.CONNECT)
        session.SessionExpiryInterval = SESSION_S
        self._client.connect("127.0.0.1", port, clean_start=False, properties=session)
        self._client.loop_start()
        wait_for(self._subscribed.is_set, "the consumer is subscribed")

    @property
    def seq(self) -> int:
        """The last committed one."""
        return int(self.events[-1]["seq"]) if self.events else 0

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [e for e in list(self.events) if e["type"] == f"stripsight.{kind}"]

    def close(self) -> None:
        """Also holds the first messages of each kind against the published contract."""
        self._client.disconnect()
        self._client.loop_stop()
        for message in itertools.chain(*self._samples.values()):
            check(message)

    def _connected(self, client: mqtt.Client, *_: object) -> None:
        client.subscribe(self._topic, qos=1)

    def _take(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        event = json.loads(message.payload)
        if event["seq"] <= self.seq:
            self.duplicates += 1
            return
        if event["seq"] != self.seq + 1:
            self.gaps.append((self.seq + 1, event["seq"]))
        self.events.append(event)
        samples = self._samples.setdefault(event["type"], [])
        if len(samples) < SAMPLES:
            samples.append(message)
