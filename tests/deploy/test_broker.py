"""The broker's settings in a real mosquitto: a subscriber that was away misses nothing."""

import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.conftest import ROOT, require_program
from tests.waiting import free_port, wait_for

pytestmark = pytest.mark.integration

TOPIC = "stripsight/works/line-1/top/events"
LIVE = "stripsight/works/line-1/top/live"
MESSAGES = 3000  # three times mosquitto's own limit for a queue


@contextmanager
def _broker(program: str, folder: Path, port: int) -> Iterator[None]:
    settings = (ROOT / "deploy" / "mosquitto" / "mosquitto.conf").read_text("utf-8")
    (folder / "data").mkdir(exist_ok=True)
    config = folder / "mosquitto.conf"
    config.write_text(
        settings.replace("listener 1883", f"listener {port}").replace(
            "/mosquitto/data/", f"{folder / 'data'}/"
        )
        + "user root\n"
    )
    with (folder / "mosquitto.log").open("a") as log:
        process = subprocess.Popen([program, "-c", str(config)], stdout=log, stderr=log)
    try:
        wait_for(lambda: _connects(port), "mosquitto answers")
        yield
    finally:
        process.terminate()
        assert process.wait(20) == 0


def _connects(port: int) -> bool:
    probe = mqtt.Client(CallbackAPIVersion.VERSION2)
    try:
        probe.connect("127.0.0.1", port)
    except OSError:
        return False
    probe.disconnect()
    return True


@contextmanager
def _mill(port: int, received: list[int]) -> Iterator[threading.Event]:
    """A subscriber with a session of its own; the event is set once it is subscribed."""
    subscribed = threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="level2", clean_session=False)
    client.on_message = lambda _client, _data, message: received.append(int(message.payload))
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.subscribe(TOPIC, qos=1)
    try:
        yield subscribed
    finally:
        client.disconnect()
        client.loop_stop()


def _publish(port: int) -> None:
    line = mqtt.Client(CallbackAPIVersion.VERSION2)
    line.max_inflight_messages_set(64)
    line.connect("127.0.0.1", port)
    line.loop_start()
    sent = [line.publish(TOPIC, str(seq), qos=1) for seq in range(MESSAGES)]
    for message in sent:
        message.wait_for_publish(30)
    line.disconnect()
    line.loop_stop()


def test_a_subscriber_that_was_away_gets_every_event_in_order(tmp_path: Path) -> None:
    program, port, received = require_program("mosquitto"), free_port(), list[int]()
    with _broker(program, tmp_path, port):
        with _mill(port, received) as subscribed:
            assert subscribed.wait(10)
        _publish(port)
    with _broker(program, tmp_path, port), _mill(port, received):
        wait_for(lambda: len(received) >= MESSAGES, "all events have arrived", 60)
    assert received == list(range(MESSAGES))


def test_a_subscriber_of_live_and_events_has_both_at_once(tmp_path: Path) -> None:
    """Without `set_tcp_nodelay` the second is 40 ms late."""
    program, port = require_program("mosquitto"), free_port()
    came_s: list[float] = []
    with _broker(program, tmp_path, port), _line(port) as line:
        mill, subscribed = mqtt.Client(CallbackAPIVersion.VERSION2), threading.Event()
        mill.on_message = lambda *_: came_s.append(time.monotonic())
        mill.on_subscribe = lambda *_: subscribed.set()
        mill.connect("127.0.0.1", port)
        mill.loop_start()
        mill.subscribe([(TOPIC, 1), (LIVE, 0)])
        assert subscribed.wait(10)
        for sent in range(0, 40, 2):
            line.publish(LIVE, "it", qos=0)
            line.publish(TOPIC, "again", qos=1)
            wait_for(lambda sent=sent: len(came_s) == sent + 2, "both")  # type: ignore[misc]
        mill.disconnect()
        mill.loop_stop()
    behind_s = [came_s[n + 1] - came_s[n] for n in range(0, 40, 2)]
    assert statistics.median(behind_s) < 0.02, behind_s


@contextmanager
def _line(port: int) -> Iterator[mqtt.Client]:
    """A publisher that holds nothing back, as the daemon."""
    line = mqtt.Client(CallbackAPIVersion.VERSION2)
    line.on_socket_open = lambda _client, _data, opened: _send_at_once(opened)
    line.connect("127.0.0.1", port)
    line.loop_start()
    yield line
    line.disconnect()
    line.loop_stop()


def _send_at_once(opened: object) -> None:
    assert isinstance(opened, socket.socket)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
