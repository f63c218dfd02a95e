"""A mill's own system as an integrator would connect it: its messages on a broker, QoS 1."""

import json
from datetime import UTC, datetime

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.waiting import wait_for

TOPIC = "mill/line-1"


class MillSignals:
    """Publishes and waits until the broker has it."""

    def __init__(self, port: int) -> None:
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        wait_for(self._client.is_connected, "the mill is connected")

    def say(self, signal: str, *, retain: bool = False, **words: object) -> None:
        """One message on the topic of its kind."""
        self.send(signal, json.dumps({"signal": signal, **words}).encode(), retain=retain)

    def announce(self, coil: str, **words: object) -> None:
        """The next coil, retained as docs/coils.md asks."""
        self.say("coil", id=coil, retain=True, **words)

    def head(self, coil: str | None = None) -> None:
        """A head passes the reference now; retained with its id and time."""
        words = {} if coil is None else {"id": coil}
        time = datetime.now(UTC).isoformat()
        self.say("head", retain=coil is not None, time=time, **words)

    def send(self, name: str, body: bytes, *, retain: bool = False) -> None:
        """Any bytes."""
        self._client.publish(f"{TOPIC}/{name}", body, qos=1, retain=retain).wait_for_publish(20)

    def wait_until_back(self) -> None:
        """After the broker was away."""
        wait_for(self._client.is_connected, "the mill is connected again")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
