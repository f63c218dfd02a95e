"""A broker that was away for an hour comes back: how fast the backlog drains, and how soon a new
defect is known on `live` meanwhile.

The ledger holds what a full camera with a new defect in each of its 28 frames a second makes:
about 100 events a second. A real mosquitto, the courier's own process, a consumer in another one
that checks `seq`, and a line that goes on with a defect a frame. Its `live` messages are timed
here, from just before their commit to their receipt.
"""

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from edge.clock import SystemClock
from edge.ledger.log import EventLog
from tests.bench.material import Material
from tests.bench.result import Delivery, Latency, Result
from tests.bench.step import Effort, Step
from tests.conftest import ROOT
from tests.line.broker import Broker
from tests.line.consumer import Consumer
from tests.line.daemon import Daemon, write_config
from tests.unit.edge.ledger.making import commit, defect
from tests.waiting import wait_for

EVENTS_PER_S = 100
FRAMES_PER_S = 28
PER_COMMIT = 2000
FILL_S, DRAIN_S = 1e-4, 4e-4
"""Of an event, for the time left."""
PATIENCE_S = 1800.0
ROOT_TOPIC = "stripsight/mill/line-1/top"


def steps(material: Material, effort: Effort) -> Iterator[Step]:
    """One."""
    events = effort.backlog_s * EVENTS_PER_S

    def drain(result: Result) -> str:
        with tempfile.TemporaryDirectory(dir=material.scratch()) as folder:
            found = drained(Path(folder), events)
        result.delivery.append(found)
        return (
            f"{found.events} events in {found.seconds:.0f} s, {found.per_s:.0f}/s,"
            f" live p99 {1000 * found.live.p99:.0f} ms"
        )

    title = f"delivery: the backlog of {effort.backlog_s} s"
    yield Step(title, events * (FILL_S + DRAIN_S), drain)


def drained(folder: Path, events: int) -> Delivery:
    """Deliver a backlog of so many events, in a folder of its own."""
    broker = Broker(folder / "broker")
    broker.start()
    config = write_config(
        folder,
        {
            "bundle": "none", "source": {"kind": "simulated"}, "coils": {"width_mm": 1000},
            "deliver": {"mqtt": [{"host": "127.0.0.1", "port": broker.port}]},
        },
    )  # fmt: skip
    log = EventLog(folder / "ledger", "/mill/line-1/top", SystemClock(), folder / "run")
    log.open()
    try:
        for first in range(0, events, PER_COMMIT):
            numbers = range(first, min(events, first + PER_COMMIT))
            log.commit(commit(*(defect(f"old/{n}", phase="closed") for n in numbers)))
        with (
            _consumer(broker.port, events) as consumer,
            _Live(broker.port) as live,
            Daemon(config, "courier") as courier,
        ):
            wait_for(lambda: _connected(courier), "the courier is connected")
            begun = time.monotonic()
            told = _go_on(log, consumer)
            seconds = time.monotonic() - begun
            gaps = int(consumer.communicate()[0])
            wait_for(lambda: len(live.heard) == len(told), "every new defect on live")
    finally:
        log.close()
        broker.stop()
    waits = [live.heard[name] - at_s for name, at_s in told.items()]
    return Delivery(
        events=events, seconds=seconds, per_s=events / seconds, gaps=gaps, live=Latency.of(waits)
    )


def _connected(courier: Daemon) -> bool:
    return courier.metrics("courier_port").get('stripsight_receiver_up{receiver="mqtt"}') == 1


def _go_on(log: EventLog, consumer: "subprocess.Popen[str]") -> dict[str, float]:
    """A frame after the other until the consumer has the backlog; defects and their time."""
    told: dict[str, float] = {}
    due_s, end_s = time.monotonic(), time.monotonic() + PATIENCE_S
    while consumer.poll() is None:
        name = f"new/{len(told)}"
        told[name] = time.monotonic()
        log.commit(commit(defect(name, phase="closed")))
        due_s += 1 / FRAMES_PER_S
        time.sleep(max(0.0, due_s - time.monotonic()))
        assert time.monotonic() < end_s, "the backlog does not drain"
    return told


@contextmanager
def _consumer(port: int, events: int) -> Iterator["subprocess.Popen[str]"]:
    """A process that ends, and prints how many gaps it found, when it has so many events."""
    command = [sys.executable, "-m", "tests.bench.delivery", str(port), str(events)]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            child.stdout.readline()  # it has subscribed
            yield child
        finally:
            child.kill()


def _consume(port: int, events: int) -> None:
    consumer = Consumer(port, f"{ROOT_TOPIC}/events")
    sys.stdout.write("subscribed\n")
    sys.stdout.flush()
    wait_for(lambda: consumer.seq >= events, "the backlog", PATIENCE_S)
    sys.stdout.write(f"{len(consumer.gaps)}\n")
    consumer.close()


class _Live:
    """Who looks at `live`: each defect's id and when it was heard."""

    def __init__(self, port: int) -> None:
        self.heard: dict[str, float] = {}
        self._subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe(f"{ROOT_TOPIC}/live")
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)

    def __enter__(self) -> "_Live":
        self._client.loop_start()
        assert self._subscribed.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _take(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        at_s, text = time.monotonic(), message.payload
        name = text.split(b'"defect_id":"', 1)[1].split(b'"', 1)[0]
        self.heard.setdefault(name.decode(), at_s)


if __name__ == "__main__":
    _consume(int(sys.argv[1]), int(sys.argv[2]))
